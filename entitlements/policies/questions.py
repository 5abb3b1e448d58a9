"""The questions that a policy asks whoever wants its package."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from uuid import uuid4

from django.db import models

from entitlements.policies.models import AssignmentPolicy
from entitlements.policies.question_terms import ChoiceTerms, QuestionTerms


class QuestionKind(models.TextChoices):
    SHORT_TEXT = "short_text", "One line"
    LONG_TEXT = "long_text", "Several lines"
    CHOICE = "choice", "One of several answers"
    CHOICES = "choices", "Any of several answers"
    YES_NO = "yes_no", "Yes or no"
    NUMBER = "number", "Number"
    DATE = "date", "Day"


class Question(models.Model):
    """One question of a policy; `key` stays the same through every change of its words."""

    policy = models.ForeignKey(AssignmentPolicy, models.CASCADE, related_name="questions")
    position = models.PositiveSmallIntegerField()
    key = models.UUIDField(default=uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=QuestionKind)
    text = models.CharField(max_length=500)
    localizations = models.JSONField(default=dict, blank=True)
    choices = models.JSONField(default=list, blank=True)
    is_required = models.BooleanField(default=True)
    is_editable = models.BooleanField(default=False)
    pattern = models.CharField(max_length=500, blank=True)
    minimum = models.CharField(max_length=32, blank=True)
    maximum = models.CharField(max_length=32, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "position"], name="one_question_per_position"
            ),
            models.UniqueConstraint(fields=["policy", "key"], name="one_question_per_key"),
        ]

    def __str__(self) -> str:
        return self.text

    def terms(self) -> QuestionTerms:
        """Return the question as its owners would enter it anew."""
        return QuestionTerms(
            kind=self.kind,
            text=self.text,
            key=self.key,
            localizations=self.localizations,
            choices=tuple(ChoiceTerms(**choice) for choice in self.choices),
            is_required=self.is_required,
            is_editable=self.is_editable,
            pattern=self.pattern,
            minimum=self.minimum,
            maximum=self.maximum,
        )


def terms_of_questions(policy: AssignmentPolicy) -> tuple[QuestionTerms, ...]:
    """Return the questions of a policy, in the order in which they are asked."""
    return tuple(question.terms() for question in policy.questions.all())


def write_questions(policy: AssignmentPolicy, questions: Iterable[QuestionTerms]) -> None:
    """Within the caller's transaction: let a policy ask these questions and no others."""
    policy.questions.all().delete()
    Question.objects.bulk_create(
        Question(policy=policy, position=position, **asdict(terms))
        for position, terms in enumerate(questions, start=1)
    )


def tidied(questions: Iterable[QuestionTerms]) -> tuple[QuestionTerms, ...]:
    """Return the questions without spaces around their words, and each with a key."""
    return tuple(
        replace(question, text=question.text.strip(), key=question.key or uuid4())
        for question in questions
    )
