import re

import pytest


@pytest.fixture
def signed_in(client, ada):
    client.force_login(ada)
    return client


def test_each_block_is_saved_by_itself(signed_in, ada):
    response = signed_in.post(
        "/settings/", {"block": "time", "time_zone": "America/New_York", "language": "en"}
    )

    assert response.status_code == 302
    ada.refresh_from_db()
    assert (ada.time_zone, ada.theme) == ("America/New_York", "system")


def test_a_live_example_shows_the_present_moment_in_the_chosen_zone(signed_in, ada):
    ada.time_zone = "Asia/Tokyo"
    ada.save()

    html = signed_in.get("/settings/").content.decode()

    assert re.search(r"It is now <time[^>]*>\w{3} \d+ \w{3} \d{4}, \d\d:\d\d JST</time>", html)


def test_a_choice_that_does_not_exist_is_refused_beside_its_field(signed_in, ada):
    response = signed_in.post("/settings/", {"block": "appearance", "theme": "pink"})

    assert response.status_code == 422
    assert b"One thing needs your attention" in response.content
    ada.refresh_from_db()
    assert ada.theme == "system"


def test_only_settings_can_be_changed_here(signed_in, ada):
    signed_in.post(
        "/settings/",
        {"block": "appearance", "theme": "dark", "is_superuser": "1", "email": "x@evil.example"},
    )

    ada.refresh_from_db()
    assert (ada.theme, ada.is_superuser, ada.email) == ("dark", False, "ada@kestrel.example")


def test_an_unknown_block_shows_the_page_again(signed_in):
    assert signed_in.post("/settings/", {"block": "nothing"}).status_code == 422


def test_theme_chosen_in_the_menu_is_saved_and_leads_back(signed_in, ada):
    response = signed_in.post("/settings/theme/", {"theme": "light", "next": "/help/words/"})

    assert response["Location"] == "/help/words/"
    ada.refresh_from_db()
    assert ada.theme == "light"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x", ""])
def test_no_way_leads_off_the_portal(signed_in, target):
    response = signed_in.post("/settings/theme/", {"theme": "light", "next": target})

    assert response["Location"] == "/"


def test_an_unknown_theme_is_refused(signed_in):
    assert signed_in.post("/settings/theme/", {"theme": "pink"}).status_code == 403


def test_settings_are_for_those_who_signed_in(client, db):
    response = client.get("/settings/")

    assert response["Location"] == "/accounts/login/?next=/settings/"
