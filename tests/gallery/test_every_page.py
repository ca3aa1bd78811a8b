"""Every page has its picture. Runs with the quick tests: it only compares names."""

from collections import Counter

from tests.gallery import every

PAGES = every.pages("demo.urls")


def test_every_page_of_the_url_conf_has_a_scene():
    shown = {scene.route for scene in every.all_scenes()}

    assert sorted(PAGES - shown - every.WITHOUT_PICTURE.keys()) == []


def test_a_page_without_a_picture_exists_and_has_no_scene():
    shown = {scene.route for scene in every.all_scenes()} - {""}

    assert sorted(every.WITHOUT_PICTURE.keys() - PAGES) == []
    assert sorted(every.WITHOUT_PICTURE.keys() & shown) == []


def test_names_of_scenes_are_unique():
    names = Counter(scene.name for scene in every.all_scenes())

    assert [name for name, count in names.items() if count > 1] == []
