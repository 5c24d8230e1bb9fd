// Pages in headless Chromium, one scenario a run: node browser.mjs SCENARIO. Prints what it saw, as
// JSON; what arrived at the host is checked by the harness.

import { client, order, person, url } from './story.mjs';

const puppeteer = client('puppeteer-core');
const { CHROMIUM: executablePath, PAGES: pages } = process.env;
const PATIENCE_MS = 60000;

const browser = await puppeteer.launch({
  executablePath,
  headless: true,
  // There is no sandbox for root, and /dev/shm is small where containers run.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
const context = await browser.createBrowserContext();

const isCall = (request) => request.method() === 'POST' && request.url().startsWith(url);

/** Opens a page that counts the calls it sends, and which messages were taken. */
const open = async () => {
  const page = await context.newPage();
  page.calls = 0;
  page.taken = new Set();
  page.faults = [];
  page.on('request', (request) => {
    page.calls += isCall(request) ? 1 : 0;
  });
  page.on('response', (response) => {
    const request = response.request();
    if (!isCall(request) || !response.ok()) return;
    const body = JSON.parse(request.postData());
    (body.batch ?? [body]).forEach((message) => page.taken.add(message.messageId));
  });
  page.on('pageerror', (error) => page.faults.push(String(error)));
  return page;
};

/** Waits until the script is there and everything it has was taken by the host. */
const delivered = async (page) => {
  await page.waitForFunction(() => window.crosspoint?.version, { timeout: PATIENCE_MS });
  await page.waitForFunction(
    () => !Object.keys(localStorage).some((key) => key.startsWith('crosspoint:')),
    { timeout: PATIENCE_MS },
  );
};

/** Waits until the host took so many different messages of the page. */
const taken = async (page, count) => {
  const end = Date.now() + PATIENCE_MS;
  while (page.taken.size < count && Date.now() < end) {
    await new Promise((resume) => setTimeout(resume, 50));
  }
};

const kept = (page) =>
  page.evaluate(() => ({ cookie: document.cookie, storage: { ...localStorage } }));

const scenarios = {
  async story() {
    const page = await open();
    await page.goto(`${pages}/?utm_source=news&utm_campaign=may`);
    await page.evaluate(
      (person, order) => {
        crosspoint('track', 'Lesson Viewed', { lesson: 'cel' });
        crosspoint('identify', person, { email: `${person}@example.com`, plan: 'pro' });
        for (let number = 0; number < 3; number++) crosspoint('track', 'Lesson Done', { number });
        const [product] = order.products;
        crosspoint('productViewed', product);
        crosspoint('productAdded', { ...product, cart_id: 'c1' });
        crosspoint('productRemoved', { ...product, cart_id: 'c1' });
        crosspoint('cartViewed', { cart_id: 'c1', products: order.products });
        crosspoint('checkoutStarted', order);
        crosspoint('orderCompleted', order);
      },
      person,
      order,
    );
    await page.waitForFunction(() => window.crosspoint.version);
    // As routers of sites with one page do; the second changes nothing.
    await page.evaluate(() => {
      history.pushState({}, '', '/lessons/2');
      history.pushState({}, '', '/lessons/2');
    });
    await taken(page, 13);
    await delivered(page);
    return { faults: page.faults, ...(await kept(page)) };
  },

  async init() {
    const page = await open();
    await page.goto(`${pages}/init.html`);
    await page.waitForFunction(() => window.crosspoint.version);
    await page.evaluate((person) => {
      // No call throws, whatever a page hands over.
      const circle = {};
      circle.circle = circle;
      crosspoint('track', 'Circle', circle);
      crosspoint('nonsense');
      crosspoint('identify', null);
      crosspoint.identify(person);
      crosspoint.page('By hand', { section: 'a' });
    }, person);
    await taken(page, 4);
    await delivered(page);
    return { faults: page.faults };
  },

  async people() {
    const page = await open();
    await page.goto(`${pages}/`);
    await page.evaluate((person) => {
      crosspoint('identify', `${person}-first`);
      crosspoint('track', 'Of first');
      crosspoint('identify', `${person}-second`);
      crosspoint('track', 'Of second');
      crosspoint('reset');
      crosspoint('track', 'Of nobody');
      crosspoint('identify', `${person}-third`);
    }, person);
    await taken(page, 7);
    await delivered(page);
    return { faults: page.faults };
  },

  async consent() {
    const page = await open();
    await page.goto(`${pages}/consent.html`);
    await page.waitForFunction(() => window.crosspoint?.version);
    await page.evaluate((person) => {
      crosspoint('identify', person, { email: `${person}@example.com`, plan: 'pro' });
      crosspoint('track', 'Before');
      crosspoint('consent', { ads: false });
    }, person);
    // A page that goes away must send nothing either.
    await page.goto(`${pages}/plain.html`);
    const undecided = { calls: page.calls, ...(await kept(page)) };

    await page.goto(`${pages}/consent.html`);
    await page.waitForFunction(() => window.crosspoint?.version);
    await page.evaluate((person) => {
      crosspoint('identify', person, { email: `${person}@example.com`, plan: 'pro' });
      crosspoint('track', 'Held');
      crosspoint('consent', { analytics: true });
      crosspoint('track', 'Allowed');
    }, person);
    await taken(page, 5);
    await delivered(page);
    const granted = await kept(page);

    await page.evaluate(() => {
      crosspoint('consent', { analytics: false });
      crosspoint('track', 'After');
    });
    await taken(page, 6);
    await delivered(page);
    const withdrawn = await kept(page);
    const calls = page.calls;
    await page.reload();
    await page.waitForFunction(() => window.crosspoint?.version);
    await page.evaluate(() => crosspoint('track', 'Later'));
    await page.goto(`${pages}/plain.html`);
    return { faults: page.faults, undecided, granted, withdrawn, later: { calls: page.calls - calls, ...(await kept(page)) } };
  },

  async beacon() {
    const page = await open();
    await page.goto(`${pages}/`);
    await page.waitForFunction(() => window.crosspoint?.version);
    await page.evaluate((person) => crosspoint('identify', person), person);
    await taken(page, 2);
    await delivered(page);
    await Promise.all([
      page.waitForNavigation(),
      page.evaluate(() => {
        crosspoint('track', 'Left');
        location.href = '/plain.html';
      }),
    ]);
    const left = await kept(page);
    // Nobody heard the answer to the beacon: the next page sends again what that had.
    await page.goto(`${pages}/`);
    await delivered(page);
    return { faults: page.faults, waiting: Object.keys(left.storage).length };
  },

  async offline() {
    const page = await open();
    await page.goto(`${pages}/`);
    await page.waitForFunction(() => window.crosspoint?.version);
    await page.evaluate((person) => crosspoint('identify', person), person);
    await taken(page, 2);
    await delivered(page);
    await page.setOfflineMode(true);
    await page.evaluate(() => {
      for (let number = 0; number < 250; number++) crosspoint('track', 'Offline', { number });
    });
    const waiting = Object.keys((await kept(page)).storage).length;
    await page.close();
    const next = await open();
    await next.goto(`${pages}/`);
    await delivered(next);
    return { faults: [...page.faults, ...next.faults], waiting };
  },

  async online() {
    const page = await open();
    await page.goto(`${pages}/`);
    await page.waitForFunction(() => window.crosspoint?.version);
    await page.evaluate((person) => crosspoint('identify', person), person);
    await taken(page, 2);
    await delivered(page);
    await page.setOfflineMode(true);
    await page.evaluate(() => crosspoint('track', 'Offline'));
    await page.evaluate(() => crosspoint('flush'));
    await page.setOfflineMode(false);
    await delivered(page);
    return { faults: page.faults };
  },

  async segment() {
    const page = await open();
    await page.goto(`${pages}/segment.html`);
    await page.evaluate(
      (person, order) => {
        analytics.track('Lesson Viewed', { lesson: 'cel' });
        analytics.identify(person, { email: `${person}@example.com`, plan: 'pro' });
        for (let number = 0; number < 3; number++) analytics.track('Lesson Done', { number });
        analytics.track('Order Completed', order);
        analytics.page('Docs', 'Home');
      },
      person,
      order,
    );
    await taken(page, 7);
    return { faults: page.faults };
  },
};

try {
  console.log(JSON.stringify(await scenarios[process.argv[2]]()));
} finally {
  await browser.close();
}
