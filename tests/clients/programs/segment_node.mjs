import { client, key, tell, url } from './story.mjs';

const { Analytics } = client('@segment/analytics-node');
const analytics = new Analytics({ writeKey: key, host: url });
analytics.on('error', (error) => console.log('client gave up:', error.code));
tell(analytics);
await analytics.closeAndFlush({ timeout: 30000 });
