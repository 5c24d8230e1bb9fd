// The story of one person, for every client that takes Segment's objects.

import { createRequire } from 'node:module';

/** Loads an installed client. */
export const client = createRequire(new URL('../../../target/clients/node/', import.meta.url));

export const { CLIENT_URL: url, CLIENT_KEY: key, CLIENT_PERSON: person } = process.env;

const anonymousId = `anon-${person}`;

export const order = {
  order_id: `order-${person}`,
  total: 12.5,
  currency: 'EUR',
  products: [{ product_id: 'p1', sku: 'p1', price: 12.5, quantity: 1 }],
};

/** Tells the story with one call per message. */
export const tell = (analytics) => {
  analytics.track({ anonymousId, event: 'Lesson Viewed', properties: { lesson: 'cel' } });
  analytics.identify({
    userId: person,
    anonymousId,
    traits: { email: `${person}@example.com`, plan: 'pro' },
  });
  for (let number = 0; number < 3; number++) {
    analytics.track({ userId: person, event: 'Lesson Done', properties: { number } });
  }
  analytics.track({ userId: person, event: 'Order Completed', properties: order });
  analytics.page({ userId: person, category: 'Docs', name: 'Home', properties: { url: 'https://example.com/' } });
};
