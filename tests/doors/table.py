"""Who comes through which door: one row for each route, and what everybody meets there.

To add a route, add a row under the heading of its area. What to write:

- `in_catalog("manage_packages")`: a thing of a catalog, for whoever has this right in it;
- `only({"owner", ...})`: these roles alone; with `refused=...`, those others read why not;
- `EVERYBODY` who has signed in, `ANYBODY` at all, `NOT_DONE` where the method is none;
- a dict by relation: `{"mine": EVERYBODY, "own": only(VIEWERS), "deleted": NOTHING}`.

What a route names in its address comes from `tests/doors/world.py` under the same name, or from
`names`. Several rows of one route, each with other `names`, are all tried.
"""

from fnmatch import fnmatchcase

from tests.doors.words import (
    ANYBODY,
    EVERYBODY,
    FOR_ADMINISTRATORS,
    FOR_ORGANIZATIONS,
    FOR_OVERSEERS,
    GIVERS,
    IN_ALL,
    IN_MANAGE,
    MANAGERS,
    NOT_DONE,
    NOT_DONE_IN_ADMINISTRATION,
    NOT_DONE_IN_MANAGE,
    NOT_DONE_OPENLY,
    NOT_THERE,
    NOTHING,
    OVERSEERS,
    TO_SIGN_IN,
    VIEWERS,
    Row,
    about_oneself,
    in_catalog,
    on,
    only,
    whoever,
)

THINGS = ("own", "foreign", "deleted")
SEEN = {"own": only(VIEWERS), "foreign": FOR_OVERSEERS}
GIVEN_AWAY = {"own": only(GIVERS, refused=VIEWERS), "foreign": only(IN_ALL, refused=OVERSEERS)}
FOR_OTHERS = {"own": only((), refused=VIEWERS), "foreign": only((), refused=OVERSEERS)}
SAID = {"answer": "Because.", "justification": "Because.", "question": "Why?"}

VIEW, CHANGE = in_catalog("view_catalog"), in_catalog("change_catalog")
RESOURCES, ROLES = in_catalog("manage_resources"), in_catalog("manage_roles")
PACKAGES, GIVE = in_catalog("manage_packages"), in_catalog("manage_assignments")
TWO_KEYS = whoever({"superuser"}, everywhere={"superuser"})
ATTRIBUTES = whoever(IN_ALL, everywhere=IN_ALL)
NO_POST = on(*THINGS, who=NOT_DONE_IN_MANAGE)
NO_GET = NO_POST
TO_DECIDE = {"asked": EVERYBODY, **on("mine", *THINGS, who=NOTHING)}
DELETERS = only(IN_ALL, refused=MANAGERS)
ORGANIZATION = {"own": FOR_ORGANIZATIONS, "deleted": NOTHING}
APPOINT_BELOW = only(IN_ALL, refused=OVERSEERS)
ADMINISTRATORS_ACT = only({"superuser"}, refused=OVERSEERS)

START = [
    Row("home:index", EVERYBODY, NOT_DONE),
    Row("healthz", ANYBODY, NOT_DONE_OPENLY),
    Row("readyz", ANYBODY, NOT_DONE_OPENLY),
    Row("help:index", ANYBODY, NOT_DONE_OPENLY),
    Row("help:topic", ANYBODY, NOT_DONE_OPENLY, names={"slug": "=words"}),
    Row("preferences:index", EVERYBODY),
    Row("preferences:theme", NOT_DONE, EVERYBODY),
    Row("notifications:index", EVERYBODY, NOT_DONE),
    Row("notifications:mark_read", NOT_DONE, EVERYBODY),
    Row("notifications:open", on("mine", *THINGS, who=NOT_DONE), about_oneself()),
]
ASKING = [
    Row("packages:index", EVERYBODY, NOT_DONE),
    Row("packages:detail", about_oneself(**SEEN), NOT_DONE),
    Row("packages:ask", about_oneself(**SEEN)),
    Row(
        "package_link",
        about_oneself(**SEEN),
        on("mine", *THINGS, who=NOT_DONE_OPENLY),
        names={"hint": "=portal"},
    ),
    Row(
        "package_link",
        on(*THINGS, who=NOT_THERE),
        on(*THINGS, who=NOT_DONE_OPENLY),
        names={"hint": "=elsewhere"},
    ),
    Row("access:index", EVERYBODY, NOT_DONE),
    Row("access:expired", EVERYBODY, NOT_DONE),
    Row("access:detail", about_oneself(**SEEN), NOT_DONE),
    Row("access:extend", about_oneself(**SEEN), about_oneself()),
    Row("access:correct", about_oneself()),
    Row("access:give_back", about_oneself()),
    Row("requests:index", EVERYBODY, NOT_DONE),
    Row("requests:detail", about_oneself(asked=EVERYBODY, **SEEN), NOT_DONE),
    Row("requests:remind", on("mine", *THINGS, who=NOT_DONE), about_oneself(**FOR_OTHERS)),
    Row("requests:cancel", about_oneself(**SEEN), about_oneself(**GIVEN_AWAY)),
    Row("requests:answer", on("mine", *THINGS, who=NOT_DONE), about_oneself(**SEEN)),
    Row("requests:again", on("mine", *THINGS, who=NOT_DONE), about_oneself(**SEEN)),
    Row(
        "requests:try_again",
        on(*THINGS, who=NOT_DONE),
        {**GIVEN_AWAY, "deleted": NOTHING},
        names={"request_id": "failed_id"},
    ),
]
DECIDING = [
    Row("approvals:index", EVERYBODY, NOT_DONE),
    Row("approvals:decided", EVERYBODY, NOT_DONE),
    Row("approvals:together", EVERYBODY),
    Row("approvals:find", EVERYBODY, NOT_DONE),
    Row("approvals:delegation", EVERYBODY),
    Row("approvals:delegation_end", on("mine", *THINGS, who=NOT_DONE), about_oneself()),
    Row("approvals:mail", NOTHING, NOT_DONE, names={"token": "=no-ticket"}),
    Row("approvals:detail", TO_DECIDE, NOT_DONE),
    Row("approvals:confirm", TO_DECIDE, NOT_DONE),
    Row("approvals:correct", TO_DECIDE, names={"key": "question"}, sent=SAID),
    Row("approvals:hand_over", about_oneself(asked=EVERYBODY, **SEEN)),
    Row("approvals:revoke", {"decided": EVERYBODY, **on("mine", *THINGS, who=NOTHING)}),
    *(
        Row(f"approvals:{act}", on(*TO_DECIDE, who=NOT_DONE), TO_DECIDE, sent=SAID)
        for act in ("ask", "approve", "shorten", "deny")
    ),
]
TEAM = [
    Row("team:index", EVERYBODY, NOT_DONE),
    Row("team:copy", EVERYBODY),
    Row("team:person", about_oneself(mine=NOTHING, team=EVERYBODY), NOT_DONE),
    Row("team:end", about_oneself(mine=NOTHING, team=EVERYBODY)),
]
TENANT = [
    Row("roles:index", FOR_OVERSEERS, NOT_DONE),
    Row("roles:person", FOR_OVERSEERS, NOT_DONE),
    Row("roles:services", FOR_OVERSEERS, ADMINISTRATORS_ACT),
    Row(
        "roles:service_switch",
        NOT_DONE,
        ADMINISTRATORS_ACT,
        names={"account_id": "program_id", "step": "=disable"},
    ),
    Row("roles:role", FOR_OVERSEERS, APPOINT_BELOW, names={"key": "=auditor"}),
    Row("roles:role", FOR_OVERSEERS, ADMINISTRATORS_ACT, names={"key": "=administrator"}),
    Row("roles:role", NOTHING, names={"key": "=king"}),
    Row(
        "roles:dismiss",
        ADMINISTRATORS_ACT,
        names={"key": "=administrator", "holder_id": "boss_id"},
    ),
]
MANAGE = [
    Row("manage:index", IN_MANAGE, NOT_DONE_IN_MANAGE),
    Row("manage:pick", IN_MANAGE, NOT_DONE_IN_MANAGE),
    Row("manage:deliveries", IN_MANAGE, NOT_DONE_IN_MANAGE),
    Row("manage:calls", IN_MANAGE, NOT_DONE_IN_MANAGE),
    Row("manage:entitlements_*_changelist", IN_MANAGE),
    Row("manage:entitlements_*_export", IN_MANAGE, NOT_DONE_IN_MANAGE),
    Row("manage:catalog_add", only(IN_ALL | {"catalog_creator"}, refused=MANAGERS)),
    Row("manage:catalog", VIEW, NO_POST),
    Row("manage:catalog_edit", CHANGE),
    Row("manage:catalog_delete", CHANGE, names={"catalog_id": "empty_id"}),
    Row("manage:people", VIEW, ROLES),
    Row("manage:dismiss", ROLES),
    Row("manage:resource_add", RESOURCES),
    Row("manage:resource_remove", RESOURCES, TWO_KEYS),
    Row("manage:resource", VIEW, NO_POST),
    Row("manage:resource_edit", TWO_KEYS),
    Row("manage:role_add", TWO_KEYS),
    Row("manage:role_edit", TWO_KEYS),
    Row("manage:role_remove", TWO_KEYS),
    Row("manage:holders", GIVE),
    Row("manage:holders_file", GIVE, NO_POST),
    Row("manage:import_add", PACKAGES),
    Row("manage:import_sample", PACKAGES, NO_POST),
    Row("manage:import", PACKAGES, NO_POST),
    Row("manage:import_result", PACKAGES, NO_POST),
    Row("manage:import_start", NO_GET, {**FOR_OTHERS, "deleted": NOTHING}),
    Row("manage:import_drop", NO_GET, {**FOR_OTHERS, "deleted": NOTHING}),
    Row("manage:attribute_add", ATTRIBUTES),
    Row("manage:attribute_remove", ATTRIBUTES),
    Row("manage:extension_add", CHANGE),
    Row("manage:extension", VIEW, NO_POST),
    Row("manage:extension_edit", CHANGE),
    Row("manage:extension_secret", CHANGE),
    Row("manage:extension_test", NO_GET, CHANGE),
    Row("manage:extension_again", NO_GET, CHANGE),
    Row("manage:extension_delete", CHANGE),
    Row("manage:callout_answer", GIVE),
    Row("manage:package_add", PACKAGES),
    Row("manage:package", VIEW, NO_POST),
    Row("manage:package_edit", PACKAGES),
    Row("manage:package_preview", NO_GET, PACKAGES),
    Row("manage:package_draft", PACKAGES),
    Row("manage:package_throw_away", PACKAGES),
    Row("manage:package_versions", VIEW, NO_POST),
    Row("manage:package_restore", PACKAGES, names={"number": "=1"}),
    Row("manage:package_duplicate", PACKAGES),
    Row("manage:package_move", PACKAGES),
    Row("manage:package_role_add", PACKAGES),
    Row("manage:package_role_remove", PACKAGES),
    *(
        Row("manage:package_step", PACKAGES, names={"name": f"={step}"})
        for step in ("publish", "retire", "hide", "show", "delete")
    ),
    Row("manage:package_ways", GIVE, NO_POST),
    Row("manage:package_as", GIVE, NO_POST),
    Row("manage:give", GIVE),
    Row("manage:give_sample", GIVE, NO_POST),
    Row("manage:give_list", GIVE, NO_POST),
    Row("manage:give_result", GIVE, NO_POST),
    Row("manage:give_start", NO_GET, {**FOR_OTHERS, "deleted": NOTHING}),
    Row("manage:give_drop", NO_GET, {**FOR_OTHERS, "deleted": NOTHING}),
    Row("manage:policy_add", PACKAGES),
    Row("manage:policy", VIEW, PACKAGES),
    Row("manage:policy_preview", NO_GET, PACKAGES),
    Row("manage:policy_preview_new", NO_GET, PACKAGES),
    Row("manage:policy_draft", PACKAGES),
    Row("manage:policy_throw_away", PACKAGES),
    Row("manage:policy_pending", PACKAGES),
    Row("manage:policy_versions", VIEW, NO_POST),
    Row("manage:policy_restore", PACKAGES, names={"number": "=1"}),
    Row("manage:policy_delete", PACKAGES),
    Row("manage:clashes", VIEW, NO_POST),
    Row("manage:clash_add", PACKAGES),
    Row("manage:clashes_file", VIEW, NO_POST),
    Row("manage:clash_remove", PACKAGES),
    Row("manage:require", PACKAGES),
    Row("manage:require_no_more", PACKAGES),
    Row("manage:catalog_clashes", VIEW, NO_POST),
    Row("manage:role_clash_add", PACKAGES),
    Row("manage:catalog_clashes_file", VIEW, NO_POST),
    Row("manage:role_clash_remove", PACKAGES, names={"clash_id": "role_clash_id"}),
    Row("manage:exception_add", PACKAGES),
    Row("manage:exception", VIEW, CHANGE),
    Row("manage:exception_end", PACKAGES),
    Row("manage:assignment", VIEW, NO_POST),
    Row("manage:assignment_extend", GIVE),
    Row("manage:assignment_answers", GIVE),
    Row("manage:acts", IN_MANAGE, NOT_DONE_IN_MANAGE),
    Row("manage:act", VIEW, NO_POST),
    Row("manage:act_result", VIEW, NO_POST),
    *(
        Row(f"manage:act_{step}", NO_GET, {**FOR_OTHERS, "deleted": NOTHING})
        for step in ("start", "stop", "drop")
    ),
    Row(
        "manage:requests_delete",
        {**on("own", "foreign", who=DELETERS), "deleted": only((), refused=MANAGERS - IN_ALL)},
        query="id={failed_id}",
        sent={"id": "{failed_id}"},
    ),
    *(
        Row(f"manage:{act}", VIEW, query=f"id={{{chosen}}}", sent={"id": f"{{{chosen}}}"})
        for act, chosen in (
            ("assignments_end", "assignment_id"),
            ("assignments_extend", "assignment_id"),
            ("assignments_again", "assignment_id"),
            ("requests_cancel", "request_id"),
            ("requests_again", "failed_id"),
        )
    ),
]
ORGANIZATIONS = [
    Row("organizations:index", FOR_ORGANIZATIONS, NOT_DONE),
    Row("organizations:add", FOR_ORGANIZATIONS),
    Row("organizations:find", FOR_ORGANIZATIONS, NOT_DONE),
    Row(
        "organizations:detail",
        ORGANIZATION,
        on(*ORGANIZATION, who=NOT_DONE),
    ),
    *(
        Row(f"organizations:{act}", ORGANIZATION)
        for act in ("edit", "promote", "delete", "sponsor_add")
    ),
    Row(
        "organizations:sponsor_remove",
        ORGANIZATION,
        names={"kind": "=internal", "person_id": "sponsor_id"},
    ),
    Row(
        "organizations:sponsor_remove",
        NOTHING,
        names={"kind": "=unheard", "person_id": "sponsor_id", "organization_id": "partner_id"},
    ),
]
ADMINISTRATION = [
    Row("admin:index", FOR_ADMINISTRATORS),
    Row("admin:app_list", FOR_ADMINISTRATORS, names={"app_label": "=entitlements"}),
    Row("admin:jsi18n", FOR_ADMINISTRATORS, NOT_DONE_IN_ADMINISTRATION),
    Row("admin:autocomplete", NOTHING, NOT_DONE_IN_ADMINISTRATION),
    Row("admin:login", TO_SIGN_IN),
    Row("/admin/<url>", NOTHING, names={"url": "=nowhere/"}),
    Row("admin:*_changelist", FOR_ADMINISTRATORS),
    Row("admin:*_history", on("own", "deleted", who=FOR_ADMINISTRATORS)),
    Row("admin:*_delete", on("own", "deleted", who=NOTHING)),
    Row("admin:*_add", NOTHING),
    Row("admin:*_change", on("own", "deleted", who=FOR_ADMINISTRATORS), NOTHING),
    Row("/admin/*/<path:object_id>/", on("own", "deleted", who=FOR_ADMINISTRATORS)),
    *(
        Row(f"admin:entitlements_{model}_{act}", FOR_ADMINISTRATORS)
        for model in ("user", "group", "connectedsystem", "riskstage")
        for act in ("add",)
    ),
    *(
        Row(f"admin:entitlements_{model}_change", on("own", "deleted", who=FOR_ADMINISTRATORS))
        for model in ("user", "group", "connectedsystem", "riskstage")
    ),
]
SIGN_IN = [
    *(Row(name, ANYBODY) for name in ("account_login", "account_signup", "account_reset_password")),
    *(
        Row(name, ANYBODY, NOT_DONE_OPENLY)
        for name in (
            "account_inactive",
            "account_email_verification_sent",
            "account_reset_password_done",
            "account_reset_password_from_key_done",
            "socialaccount_login_cancelled",
        )
    ),
    Row("account_logout", EVERYBODY, TO_SIGN_IN),
    Row("account_email", EVERYBODY, NOT_DONE),
    Row("/accounts/email/", EVERYBODY, NOT_DONE),
    Row("account_change_password", EVERYBODY),
    Row("account_set_password", EVERYBODY),
    Row("account_confirm_login_code", EVERYBODY),
    Row("account_confirm_email", ANYBODY, NOT_THERE, names={"key": "=unknown"}),
    Row("account_reset_password_from_key", ANYBODY, names={"uidb36": "=1", "key": "=abc"}),
    Row("account_reauthenticate", NOTHING),
    Row("socialaccount_login_error", EVERYBODY, NOT_DONE),
    Row("socialaccount_signup", TO_SIGN_IN),
    Row("socialaccount_connections", EVERYBODY),
    Row("/accounts/social/*", EVERYBODY),
    Row("mfa_index", EVERYBODY, NOT_DONE),
    Row("mfa_list_webauthn", EVERYBODY, NOT_DONE),
    *(
        Row(f"mfa_{name}", EVERYBODY)
        for name in (
            "authenticate",
            "activate_totp",
            "generate_recovery_codes",
            "add_webauthn",
            "login_webauthn",
        )
    ),
    *(
        Row(f"mfa_{name}", NOTHING)
        for name in (
            "reauthenticate",
            "reauthenticate_webauthn",
            "deactivate_totp",
            "download_recovery_codes",
        )
    ),
    Row("mfa_view_recovery_codes", NOTHING, NOT_DONE),
    Row("mfa_edit_webauthn", NOTHING, names={"pk": "=1"}),
    Row("mfa_remove_webauthn", NOTHING, names={"pk": "=1"}),
]
PROGRAMS = [
    Row(
        "callbacks:resume",
        on(*THINGS, who=NOT_DONE_OPENLY),
        {"own": ANYBODY, "foreign": ANYBODY, "deleted": NOT_THERE},
    ),
]
DEMO = [
    Row("demo:index", ANYBODY, NOT_DONE_OPENLY),
    Row("demo:mail", ANYBODY, NOT_DONE_OPENLY),
    Row("demo:be", NOT_DONE_OPENLY, NOT_THERE, names={"key": "=nobody"}),
    *(
        Row(
            f"demo:{page}",
            {"mine": ANYBODY, "own": ANYBODY, "deleted": NOT_THERE},
            on("mine", "own", "deleted", who=NOT_DONE_OPENLY),
        )
        for page in ("message", "message_as_html")
    ),
]
ROWS = [
    *START,
    *ASKING,
    *DECIDING,
    *TEAM,
    *TENANT,
    *MANAGE,
    *ORGANIZATIONS,
    *ADMINISTRATION,
    *SIGN_IN,
    *PROGRAMS,
    *DEMO,
]


def rows_for(key):
    """Return the rows of a route: those that name it, or else those whose pattern fits."""
    named = [row for row in ROWS if row.route == key]
    return named or [row for row in ROWS if fnmatchcase(key, row.route)]
