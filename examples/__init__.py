"""Programs of other people on these ports; docs/building-your-own.md explains them."""
