"""From a plan as a person writes it to the plan that is signed: read, priced, held against a budget, sealed."""
