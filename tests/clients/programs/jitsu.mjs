// Jitsu's client sends a request a call, and makes up its anonymous id.

import { client, key, order, person, url } from './story.mjs';

const { jitsuAnalytics } = client('@jitsu/js');
const analytics = jitsuAnalytics({ host: url, writeKey: key });
await analytics.track('Lesson Viewed', { lesson: 'cel' });
await analytics.identify(person, { email: `${person}@example.com`, plan: 'pro' });
for (let number = 0; number < 3; number++) {
  await analytics.track('Lesson Done', { number });
}
await analytics.track('Order Completed', order);
await analytics.page({ name: 'Home', url: 'https://example.com/' });
