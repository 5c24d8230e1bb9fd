// Makes host/api/script/crosspoint.min.js from crosspoint.js with the pinned terser.
//
//   node tests/clients/minify.mjs          writes it
//   node tests/clients/minify.mjs --check  fails if what is there is not what would be written
//
// Needs the packages that tests/clients/run installs below target/clients.

import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../../', import.meta.url);
const installed = createRequire(new URL('target/clients/node/', root));
const { minify } = installed('terser');

const source = new URL('host/api/script/crosspoint.js', root);
const made = new URL('host/api/script/crosspoint.min.js', root);

const text = readFileSync(source, 'utf8');
const { code } = await minify(text, {
  ecma: 2020,
  compress: { passes: 3, unsafe_arrows: true },
  mangle: true,
});
// By this digest a test without node sees that the source has changed since.
const digest = createHash('sha256').update(text).digest('hex').slice(0, 16);
const result = `/*! crosspoint.js ${digest} */\n${code}\n`;

if (process.argv.includes('--check')) {
  if (readFileSync(made, 'utf8') !== result) {
    console.error('crosspoint.min.js is not what crosspoint.js gives: node tests/clients/minify.mjs');
    process.exit(1);
  }
} else {
  writeFileSync(made, result);
  console.log(`${fileURLToPath(made)}: ${Buffer.byteLength(result)} bytes`);
}
