"""The contract of `Profiles`, which are asked for by id alone: that they come back whole."""

from __future__ import annotations

import pytest

from dinerapp.accounts.domain.profiles import Preferences
from tests.contracts.over import over_everything
from tests.contracts.samples import Repositories, identical
from tests.factories import LONG_WORD, profile

PREFERENCES = [
    Preferences(),
    Preferences(dietary=("vegan", "halal"), allergens=("nüts 🥜",), language="pt-BR"),
]


@over_everything
class TestProfiles:
    """What users say of themselves."""

    @pytest.mark.parametrize("preferences", PREFERENCES, ids=["none", "some"])
    def test_a_profile_comes_back_with_everything_it_says(
        self, repositories: Repositories, preferences: Preferences
    ) -> None:
        saved = repositories.profiles.save(
            profile(
                display_name="Ada 🍄",
                avatar_url="https://example.org/ada.png",
                bio=LONG_WORD,
                phone="+4930123",
                preferences=preferences,
            )
        )
        assert saved.preferences == preferences
        assert identical(repositories.profiles.get(saved.id), saved)
