"""Recovery codes: ten codes on paper, each for one use, for when the other factor is lost."""
