import { client, key, tell, url } from './story.mjs';

const Analytics = client('analytics-node');
const analytics = new Analytics(key, { host: url, errorHandler: (error) => console.log('client gave up:', error.message) });
tell(analytics);
await analytics.flush();
