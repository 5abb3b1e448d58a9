"""What one of Kestrel Trading's policies asks, and what people answer there."""

from typing import Final

from entitlements.catalog.attributes import attributes_of
from entitlements.policies.answers import Given
from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms

ABOUT_PRICES: Final = (
    QuestionTerms(
        "choices",
        "For which regions will you change prices?",
        localizations={"de": "Für welche Regionen änderst du Preise?"},
        choices=(
            ChoiceTerms("North", {"de": "Norden"}),
            ChoiceTerms("South", {"de": "Süden"}),
            ChoiceTerms("Overseas", {"de": "Übersee"}),
        ),
        is_editable=True,
    ),
    QuestionTerms(
        "short_text",
        "Which order brings you here? (such as SO-1042)",
        localizations={"de": "Um welchen Auftrag geht es? (etwa SO-1042)"},
        is_required=False,
        pattern="SO-[0-9]{4}",
    ),
    QuestionTerms(
        "yes_no",
        "Have you read the rules for prices?",
        localizations={"de": "Hast du die Preisregeln gelesen?"},
    ),
)
_ANSWERS: Final = dict(
    zip((question.text for question in ABOUT_PRICES), (["North"], "SO-1042", True), strict=True)
)


def answers_to(policy: AssignmentPolicy) -> Given:
    """Return what people of the demo company answer to the questions of a policy."""
    about = {str(attribute.pk): "North hall" for attribute in attributes_of(policy.package_id)}
    return about | {str(one.key): _ANSWERS[one.text] for one in policy.questions.all()}
