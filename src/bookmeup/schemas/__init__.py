"""The types of all that crosses HTTP. Public inputs of new routes refuse unknown members; old routes ignore them."""
