import { client, key, tell, url } from './story.mjs';

const RudderAnalytics = client('@rudderstack/rudder-sdk-node');
const analytics = new RudderAnalytics(key, { dataPlaneUrl: url });
tell(analytics);
await analytics.flush();
