"""The story of one person, told by segment-analytics-python."""

import os

import segment.analytics as analytics

person = os.environ["CLIENT_PERSON"]
anonymous = f"anon-{person}"

analytics.write_key = os.environ["CLIENT_KEY"]
analytics.host = os.environ["CLIENT_URL"]
analytics.on_error = lambda error, items: print("client gave up:", error, len(items))

analytics.track(anonymous_id=anonymous, event="Lesson Viewed", properties={"lesson": "cel"})
analytics.identify(
    user_id=person,
    anonymous_id=anonymous,
    traits={"email": f"{person}@example.com", "plan": "pro"},
)
for number in range(3):
    analytics.track(user_id=person, event="Lesson Done", properties={"number": number})
analytics.track(
    user_id=person,
    event="Order Completed",
    properties={
        "order_id": f"order-{person}",
        "total": 12.5,
        "currency": "EUR",
        "products": [{"product_id": "p1", "sku": "p1", "price": 12.5, "quantity": 1}],
    },
)
analytics.page(user_id=person, category="Docs", name="Home", properties={"url": "https://example.com/"})
analytics.shutdown()
