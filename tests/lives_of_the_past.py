"""What was held at each moment of random lives, asked again at their end."""

from entitlements.assignments.past import ends_as_of
from entitlements.models import Assignment


class WithPast:
    """A company that remembers what was live whenever somebody looked."""

    def remember(self):
        """Keep what is live at this moment, and when each was to end."""
        live = dict(Assignment.objects.live().values_list("pk", "ends_at"))
        self.remembered.append((self.watch.moment, live))

    def the_past_is_as_it_was(self):
        """Compare what was seen then with what is told of then."""
        for moment, live in self.remembered:
            held = Assignment.objects.held_at(moment)
            assert ends_as_of(held, moment) == live, moment
