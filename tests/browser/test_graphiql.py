"""GraphiQL in a browser: it asks this server alone, under the policy of the page, and shows the schema and answers."""

from tests.browser.conftest import Dashboard


def test_graphiql_answers_and_loads_nothing_from_elsewhere(dashboard: Dashboard, new_page: object) -> None:
    page, watched = new_page(dashboard, "/graphql")  # type: ignore[operator]
    page.get_by_role("button", name="Execute query").wait_for()
    with page.expect_response(lambda response: "/api/graphql" in response.url and "vehicle" in response.text()):
        page.get_by_role("button", name="Execute query").click()
    page.locator(".result-window").get_by_text("shipmentId").first.wait_for()
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.get_by_text("Root Types").first.wait_for()
    assert watched.outside == []
