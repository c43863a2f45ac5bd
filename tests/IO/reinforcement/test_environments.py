"""Environments: what is observed, what can be done, and what is refused."""

import sys

import gymnasium
import numpy as np
import pytest

import spaic
from spaic.errors import DeclarationError, InputError, StateError, UnknownName, UnsupportedError
from spaic.IO import Boxes, GaussianFields
from spaic.IO.reinforcement import checks
from tests.IO.reinforcement.worlds import Dial, Signal

CART = "CartPole-v1"
BITS = gymnasium.spaces.Discrete(2)
PICTURE = np.zeros((2, 2, 3), dtype=np.uint8)


class Custom(gymnasium.Env):
    """An environment of gymnasium with any spaces."""

    def __init__(self, seen, done, values=(), reward=1.0):
        self.observation_space, self.action_space = seen, done
        self.values, self.worth = list(values), reward

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.values[0], {}

    def render(self):
        return PICTURE

    def step(self, action):
        self.acted = action
        return self.values[1], self.worth, False, False, {}


def custom(seen, *values, done=None, reward=1.0, **options):
    return spaic.GymEnvironment(Custom(seen, done or gymnasium.spaces.Discrete(2), values, reward), **options)


class TestCartPole:
    def test_what_it_is(self):
        cart = spaic.GymEnvironment(CART)
        assert (cart.name, cart.shape, cart.num, cart.action_num, cart.is_discrete) == (CART, (4,), 4, 2, True)
        assert cart.environmet is cart.environment  # as SPAIC spells it

    def test_the_seed_decides_the_episode(self):
        cart, other = spaic.GymEnvironment(CART), spaic.GymEnvironment(CART)
        first = cart.reset(seed=3)
        other.seed(3)
        assert np.array_equal(first, other.reset()) and not np.array_equal(first, cart.reset(seed=4))
        cart.reset(seed=3)
        assert np.array_equal(cart.step(1).observation, other.step(1).observation)

    def test_raw_scaled_and_transformed(self):
        raw, scaled = spaic.GymEnvironment(CART, max_prob=None), spaic.GymEnvironment(CART, max_prob=0.8)
        x = raw.reset(seed=1)
        bounds = np.array([4.8, 1.0, np.deg2rad(24.0), 1.0])
        expected = np.where([1, 0, 1, 0], (x / bounds + 1) / 2, (1 + x / (1 + np.abs(x))) / 2)
        assert np.allclose(scaled.reset(seed=1), 0.8 * expected, atol=1e-6)
        halves = spaic.GymEnvironment(CART, transform=lambda x: x[:2] / 2)
        assert halves.shape == (2,) and np.allclose(halves.reset(seed=1), x[:2] / 2)

    def test_shapes(self):
        assert spaic.GymEnvironment(CART, shape=(2, 2)).reset(seed=0).shape == (2, 2)
        with pytest.raises(DeclarationError, match=r"shape \(4,\), which does not fit into \(3,\)"):
            spaic.GymEnvironment(CART, shape=3)

    @pytest.mark.parametrize("shape", [(-2, -2), "22", 4.0, True, (2, 0), ()])
    def test_shapes_that_are_none(self, shape):
        with pytest.raises(DeclarationError, match="CartPole-v1.shape"):
            spaic.GymEnvironment(CART, shape=shape)

    @pytest.mark.parametrize("seed", ["a", -1, 0.5, True])
    def test_seeds_that_are_none(self, seed):
        cart = spaic.GymEnvironment(CART)
        for start in (lambda: cart.reset(seed=seed), lambda: cart.seed(seed)):
            with pytest.raises(DeclarationError, match=f"CartPole-v1.*: {seed!r} is no seed; give a whole number from 0"):
                start()

    @pytest.mark.parametrize("made", [None, "a", [[1], [1, 2]]])
    def test_a_transform_that_makes_no_array(self, made):
        with pytest.raises(DeclarationError, match="CartPole-v1.transform: it made .*; return an array of numbers"):
            spaic.GymEnvironment(CART, transform=lambda x: made)

    def test_another_is_of_the_same_class(self):
        class Shaped(spaic.GymEnvironment):
            def step(self, action):
                return super().step(action)._replace(reward=self.worth)

        cart = Shaped(CART, shape=(2, 2), max_prob=0.5, options={"max_episode_steps": 3})
        cart.worth = 0.25
        first = cart.reset(seed=0)
        other = cart.another()
        assert np.array_equal(other.reset(seed=0), first) and other.environment is not cart.environment
        steps = [other.step(n % 2) for n in range(3)]
        assert steps[0].reward == 0.25 and steps[2].done and cart.step(0).done is False

    def test_episodes_end(self):
        cart = spaic.GymEnvironment(CART, options={"max_episode_steps": 3})
        cart.reset(seed=0)
        ends = [cart.step(n % 2) for n in range(3)]
        assert [e.done for e in ends] == [False, False, True] and ends[2].truncated and not ends[1].truncated
        with pytest.raises(StateError, match="call reset"):
            cart.step(0)
        cart = spaic.GymEnvironment(CART)
        cart.reset(seed=0)
        while not (end := cart.step(0)).done:
            pass
        assert not end.truncated

    def test_rendering(self):
        inner = Custom(gymnasium.spaces.Discrete(2), gymnasium.spaces.Discrete(2), [0, 1])
        inner.render_mode = "rgb_array"
        environment = spaic.GymEnvironment(inner)
        assert environment.render() is PICTURE and environment.render("rgb_array") is PICTURE
        with pytest.raises(UnsupportedError, match="render_mode='human'"):
            environment.render("human")
        with pytest.raises(UnsupportedError, match="render_mode='rgb_array'"):
            spaic.GymEnvironment(CART).render()
        assert spaic.GymEnvironment(CART, render_mode="rgb_array").another().environment.render_mode is None
        with pytest.raises(UnsupportedError, match="draws no pictures"):
            Signal().render()

    @pytest.mark.parametrize("action", [2, -1, 0.5, [0, 1], float("nan"), None, [[1], [1, 2]], "a"])
    def test_an_action_that_is_none(self, action):
        cart = spaic.GymEnvironment(CART)
        cart.reset(seed=0)
        with pytest.raises(InputError, match="whole number from 0 to 1"):
            cart.step(action)


class TestSpaces:
    def test_whole_numbers_become_one_hot(self):
        spaces = gymnasium.spaces
        assert custom(spaces.Discrete(3, start=5), 6).reset().tolist() == [0, 1, 0]
        assert custom(spaces.MultiDiscrete([2, 3]), np.array([1, 0])).reset().tolist() == [0, 1, 1, 0, 0]
        assert custom(spaces.MultiBinary(3), np.array([1, 0, 1]), max_prob=0.5).reset().tolist() == [0.5, 0, 0.5]

    def test_pictures(self):
        picture = np.array([[0, 255], [51, 200]], dtype=np.uint8)
        space = gymnasium.spaces.Box(0, 255, (2, 2), np.uint8)
        assert np.allclose(custom(space, picture).reset(), [0, 1, 0.2, 200 / 255])
        assert custom(space, picture, binary=True, flatten=False).reset().tolist() == [[0, 1], [0, 1]]

    def test_continuous_actions_are_clipped(self):
        environment = custom(gymnasium.spaces.Discrete(2), 0, 1, done=gymnasium.spaces.Box(-2, 3, (2,)))
        assert not environment.is_discrete and environment.action_num == 2
        environment.reset()
        environment.step([-7.0, 1.5])
        assert environment.environment.acted.tolist() == [-2.0, 1.5]
        with pytest.raises(InputError, match="2 finite values"):
            environment.step([np.nan, 0.0])

    def test_rewards_are_clipped_for_learners_only(self):
        environment = custom(gymnasium.spaces.Discrete(2), 0, 1, reward=-7.5)
        environment.reset()
        outcome = environment.step(0)
        assert (outcome.reward, outcome.raw_reward) == (-1.0, -7.5)
        environment = custom(gymnasium.spaces.Discrete(2), 0, 1, reward=-7.5, clip_rewards=False)
        environment.reset()
        assert environment.step(0).reward == -7.5

    @pytest.mark.parametrize("kind", ["Dict", "Tuple", "Text"])
    def test_other_spaces_are_refused_by_name(self, kind):
        spaces = gymnasium.spaces
        space = {"Dict": spaces.Dict(a=spaces.Discrete(2)), "Tuple": spaces.Tuple([spaces.Discrete(2)]), "Text": spaces.Text(3)}[kind]
        with pytest.raises(UnsupportedError, match=f"space {kind}"):
            custom(space, None)
        with pytest.raises(UnsupportedError, match=f"actions of the space {kind}"):
            custom(spaces.Discrete(2), 0, done=space)

    @pytest.mark.parametrize("transform", [None, lambda x: np.nan_to_num(x)], ids=["scaled", "hidden by the transform"])
    def test_nan_is_refused(self, transform):
        space = gymnasium.spaces.Box(-1, 1, (2,))
        environment = custom(space, np.zeros(2), np.array([0.0, np.nan]), transform=transform)
        environment.reset()
        with pytest.raises(InputError, match="observation holds nan"):
            environment.step(0)
        environment = custom(gymnasium.spaces.Discrete(2), 0, 1, reward=float("nan"))
        environment.reset()
        with pytest.raises(InputError, match="reward is nan"):
            environment.step(0)


class TestRefused:
    @pytest.mark.parametrize(
        ("given", "options", "error", "text"),
        [
            ("CartPol-v1", {}, UnknownName, "did you mean 'CartPole-v1'"),
            ("CartPole-v99", {}, UnknownName, "CartPole-v1"),
            (7, {}, DeclarationError, "7 is no environment"),
            (CART, {"binary": 1}, DeclarationError, "binary: expected True or False"),
            (CART, {"max_prob": 1.5}, DeclarationError, "max_prob"),
            (CART, {"max_prob": None, "binary": True}, DeclarationError, "have no middle"),
            (CART, {"transform": 3}, DeclarationError, "transform: 3 cannot be called"),
            (CART, {"transform": abs, "binary": True}, DeclarationError, "replaces the scaling"),
            (CART, {"options": {"lenght": 2}}, DeclarationError, "cannot be made"),
            (Custom(BITS, BITS), {"render_mode": "human"}, DeclarationError, "made already"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_meant(self, given, options, error, text):
        with pytest.raises(error, match=text):
            spaic.GymEnvironment(given, **options)

    def test_without_gymnasium(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "gymnasium", None)
        with pytest.raises(UnsupportedError, match=r"gymnasium is not installed; run pip install gymnasium"):
            spaic.GymEnvironment(CART)

    def test_one_that_was_made_cannot_be_made_again(self):
        with pytest.raises(UnsupportedError, match="cannot be made again"):
            custom(gymnasium.spaces.Discrete(2), 0).another()

    def test_a_continuous_action_of_your_own_environment(self):
        for action in ([1.0, 2.0], [[1.0], [1.0, 2.0]], "a", None):
            with pytest.raises(InputError, match="1 finite values"):
                checks.checked_action(Dial(), action)


class TestFields:
    def test_boxes_are_a_partition(self):
        boxes = Boxes([[-0.8, 0.8], [0.0], [-1.0, 0.0, 1.0]])
        points = np.random.default_rng(0).normal(size=(500, 3)) * 2
        found = np.array([boxes(p) for p in points])
        assert boxes.num == 24 and (found.sum(1) == 1).all() and (found.sum(0) > 0).all()

    def test_fields_of_a_grid_are_products(self):
        rows, grid = (GaussianFields([[-1.0, 0.0, 1.0], [0.0, 2.0]], 0.7, grid=g) for g in (False, True))
        apart = rows([0.3, 1.1])
        assert np.allclose(grid([0.3, 1.1]), np.outer(apart[:3], apart[3:]).ravel())
        assert np.allclose(rows([9.0, -4.0]), rows([1.0, 0.0]))  # the outermost stand for all beyond

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda: Boxes([[1.0, 0.0]]), "does not rise"),
            (lambda: Boxes([]), "is empty"),
            (lambda: Boxes([["a"]]), "no list of numbers"),
            (lambda: Boxes("ab"), "is no list"),
            (lambda: GaussianFields([[0.0]]), "two centres"),
            (lambda: GaussianFields([[0.0, 1.0]], width=0.0), "width"),
            (lambda: GaussianFields([[0.0, 1.0]], grid=1), "grid"),
        ],
    )
    def test_what_cannot_be_meant(self, make, text):
        with pytest.raises(DeclarationError, match=text):
            make()

    @pytest.mark.parametrize("fields", [Boxes([[0.0]]), GaussianFields([[0.0, 1.0]])])
    def test_observations_that_do_not_fit(self, fields):
        with pytest.raises(InputError, match="has 2 values, declared are 1"):
            fields([0.0, 1.0])
        with pytest.raises(InputError, match="holds nan"):
            fields([np.nan])
        for wrong in ([[1], [1, 2]], "a", None):
            with pytest.raises(InputError, match="the observation is .*; give 1 numbers"):
                fields(wrong)
