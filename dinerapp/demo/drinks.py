"""The drinks of the demo menu. They are taxed at the full rate; food is not."""

from __future__ import annotations

from functools import partial

from dinerapp.demo.dishes import (
    BAR,
    BEER_SIZE,
    DRINKS_TAX,
    MILK,
    SOFT_SIZE,
    VEGAN,
    VEGETARIAN,
    WATER_SIZE,
    WINE_SIZE,
    Choice,
    Course,
    Dish,
)
from dinerapp.ordering.domain.hours import parsed

_drink = partial(Dish, station=BAR, tax_rate=DRINKS_TAX)
_beer = partial(_drink, dietary=VEGAN, allergens=("gluten",), choices=(BEER_SIZE,))
_wine = partial(_drink, allergens=("sulphites",), choices=(WINE_SIZE,))

SOFT_DRINKS = Course(
    slug="soft-drinks",
    name="Soft drinks and coffee",
    appetite=30,
    dishes=(
        _drink(
            slug="still-water",
            name="Still water",
            description="From the Alps",
            price=310,
            dietary=VEGAN,
            choices=(WATER_SIZE,),
        ),
        _drink(
            slug="sparkling-water",
            name="Sparkling water",
            description="From the Alps",
            price=310,
            dietary=VEGAN,
            choices=(WATER_SIZE,),
        ),
        _drink(
            slug="cola",
            name="Cola",
            description="With or without sugar",
            price=360,
            dietary=VEGAN,
            choices=(SOFT_SIZE, Choice("Sugar", 1, 1, {"With": 0, "Without": 0})),
        ),
        _drink(
            slug="lemonade",
            name="Homemade lemonade",
            description="Lemon, mint, sparkling water",
            price=390,
            dietary=VEGAN,
            choices=(SOFT_SIZE,),
        ),
        _drink(
            slug="apple-spritzer",
            name="Apple spritzer",
            description="Cloudy apple juice, sparkling water",
            price=350,
            dietary=VEGAN,
            choices=(SOFT_SIZE,),
        ),
        _drink(
            slug="milkshake",
            name="Milkshake",
            description="Thick, in a tall glass",
            price=650,
            dietary=VEGETARIAN,
            allergens=("milk",),
            choices=(
                Choice("Flavour", 1, 1, {"Vanilla": 0, "Strawberry": 0, "Salted caramel": 40}),
            ),
        ),
        _drink(
            slug="espresso",
            name="Espresso",
            description="Single or double",
            price=260,
            dietary=VEGAN,
            choices=(Choice("Size", 1, 1, {"Single": 0, "Double": 120}),),
        ),
        _drink(
            slug="flat-white",
            name="Flat white",
            description="Double ristretto, steamed milk",
            price=380,
            dietary=VEGETARIAN,
            allergens=("milk",),
            choices=(MILK,),
        ),
        _drink(
            slug="pot-of-tea",
            name="Pot of tea",
            description="Leaves, not bags",
            price=420,
            dietary=VEGAN,
            choices=(
                Choice("Tea", 1, 1, {"Assam": 0, "Earl Grey": 0, "Sencha": 0, "Peppermint": 0}),
            ),
        ),
    ),
)

WINE_AND_BEER = Course(
    slug="wine-and-beer",
    name="Wine and beer",
    description="From eighteen, beer and wine from sixteen years",
    hours=parsed("mon-sun 11:00-02:00"),
    appetite=18,
    dishes=(
        _beer(
            slug="pilsner",
            name="Pilsner",
            description="On tap, 4.9 %",
            price=370,
        ),
        _beer(
            slug="wheat-beer",
            name="Wheat beer",
            description="Cloudy, 5.4 %",
            price=390,
        ),
        _beer(
            slug="pale-ale",
            name="Pale ale",
            description="From around the corner, 5.6 %",
            price=460,
        ),
        _beer(
            slug="alcohol-free-beer",
            name="Alcohol-free beer",
            description="Below 0.5 %",
            price=360,
        ),
        _wine(
            slug="riesling",
            name="Riesling",
            description="Mosel, dry, 12 %",
            price=390,
        ),
        _wine(
            slug="pinot-noir",
            name="Pinot noir",
            description="Baden, 13 %",
            price=450,
        ),
        _wine(
            slug="prosecco",
            name="Prosecco",
            description="Valdobbiadene, 11 %",
            price=420,
        ),
        _drink(
            slug="spritz",
            name="Spritz",
            description="Prosecco, bitter orange, soda",
            price=790,
            allergens=("sulphites",),
        ),
    ),
)
