//! Posts deliveries to a webhook.
