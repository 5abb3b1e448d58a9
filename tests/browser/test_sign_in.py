from allauth.account.models import EmailAddress

from tests.factories import UserFactory


def with_password(email, password):
    user = UserFactory(email=email)
    user.set_password(password)
    user.save()
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    return user


def test_somebody_signs_in_with_address_and_password(page, axe):
    with_password("ana@kestrel.example", "correct horse battery")

    page.goto("/accounts/login/")
    assert axe(page) == []
    page.get_by_label("Email").fill("ana@kestrel.example")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.wait_for_url("**/")
    assert page.context.cookies()


def test_wrong_password_is_refused_with_a_sentence(page, axe):
    with_password("ana@kestrel.example", "correct horse battery")

    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("ana@kestrel.example")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()

    page.get_by_text("not correct").wait_for()
    assert axe(page) == []


def test_pages_are_for_those_who_signed_in(page):
    page.goto("/admin/")

    assert "/login/" in page.url


def test_axe_would_find_a_fault(page, axe):
    page.goto("/accounts/login/")
    page.evaluate("document.documentElement.removeAttribute('lang')")

    assert any(line.startswith("html-has-lang ") for line in axe(page))
