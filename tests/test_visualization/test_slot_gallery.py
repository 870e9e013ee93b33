"""The gallery is one page that needs nothing, and works in a browser."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from wwt_mm.inference import SlotReading
from wwt_mm.visualization.slot_gallery import GalleryImage, render_gallery

CLASSES = ['<b>bold</b>', 'a "quoted" one', '</script><script>alert(1)</script>']
NAME = '<img src=x onerror=alert(1)>.jpg'


def read_blocks(height=36, width=48, classes=True):
    """Three slots, each with a third of a 3 x 3 grid, and certain of its class."""
    masks = torch.full((3, 3, 3), -4.0)
    for slot in range(3):
        masks[slot, :, slot] = 4
    scores = 0.1 + 0.7 * torch.eye(3)
    return SlotReading(
        image=np.full((height, width, 3), 120, np.uint8),
        slots=torch.zeros(3, 8),
        masks=masks,
        coverage=(0.75, 1.0),
        slot_probabilities=scores if classes else None,
        probabilities=torch.tensor([0.2, 0.7, 0.1]) if classes else None,
    )


class Page(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data.strip())


@pytest.fixture(scope='module')
def html():
    images = [
        GalleryImage.of(NAME, read_blocks(), CLASSES),
        GalleryImage.of('second.png', read_blocks(classes=False)),
    ]
    return render_gallery(images, '<i>model</i>')


def test_names_are_escaped_and_arrive_as_they_are(html):
    page = Page(html)
    assert {tag for tag, _ in page.tags}.isdisjoint({'img', 'b1', 'i', 'iframe'})
    assert sum(tag == 'script' for tag, _ in page.tags) == 1
    assert NAME in page.text and 'Slots of <i>model</i>' in page.text
    assert not any(key.startswith('on') for _, attrs in page.tags for key in attrs)
    labels = [attrs.get('aria-label') for _, attrs in page.tags]
    for index, name in enumerate(CLASSES):
        assert f'Slot {index}: {name}, 0.80, 33 % of the image' in labels


def test_nothing_is_loaded_from_outside(html):
    without_data = re.sub(r'data:image/[a-z]+;base64,[A-Za-z0-9+/=]+', 'DATA', html)
    assert not re.search(r'https?:|//[a-z]', without_data)
    urls = re.findall(r'url\(([^)]*)\)', without_data)
    assert urls and set(urls) == {'DATA'}
    for tag, attrs in Page(html).tags:
        assert 'src' not in attrs
        assert tag != 'link' or attrs['href'] == 'data:,'


def test_models_without_classes_show_shares(html):
    second = html[html.index('second.png') :]
    assert 'Classes, and where' not in second
    assert 'Slot 2: 33 % of the image' in second


@pytest.fixture
def page(browser, html, tmp_path):
    path = tmp_path / 'gallery.html'
    path.write_text(html, encoding='utf-8')
    browser.get(path.as_uri())
    return browser


def find(page, selector, index=0):
    return page.find_elements('css selector', selector)[index]


def lit_pixels(page):
    """Brightness of the first image's columns, as they are on the screen."""
    import io

    from PIL import Image

    shot = Image.open(io.BytesIO(find(page, '.stage').screenshot_as_png))
    return np.asarray(shot.convert('L')).mean(0)


def test_hovering_a_slot_lights_its_mask_and_tells_its_class(page):
    from selenium.webdriver.common.action_chains import ActionChains

    slot = find(page, '[data-slot="2"]')
    ActionChains(page).move_to_element(slot).perform()
    assert find(page, '.told').text == (
        f'Slot 2: {CLASSES[2]}, 0.80, 33 % of the image'
    )
    page.execute_script("document.querySelector('.base').style.transition = 'none'")
    columns = lit_pixels(page)
    width = len(columns)
    assert columns[-width // 6 :].mean() > 100  # the right third
    assert columns[: width // 2].mean() < 40
    ActionChains(page).move_to_element(find(page, 'h1')).perform()
    assert find(page, '.told').text == '3 slots'
    assert abs(lit_pixels(page) - 120).max() < 8


def test_pointing_at_a_place_finds_its_slot_and_a_click_keeps_it(page):
    from selenium.webdriver.common.action_chains import ActionChains

    stage = find(page, '.stage')
    left = -stage.size['width'] // 2 + 10
    mouse = ActionChains(page)
    mouse.move_to_element_with_offset(stage, left, 0).click().perform()
    ActionChains(page).move_to_element(find(page, 'h1')).perform()
    assert find(page, '.told').text.startswith('Slot 0: <b>bold</b>')
    assert find(page, '[data-slot="0"]').get_attribute('aria-pressed') == 'true'


def test_the_keyboard_does_all_that_the_mouse_does(page):
    from selenium.webdriver.common.keys import Keys

    def press(key):
        page.switch_to.active_element.send_keys(key)

    press(Keys.TAB)
    assert find(page, '.told').text == f'Evidence for {CLASSES[1]}, probability 0.70'
    press(Keys.TAB)
    assert find(page, '.told').text.startswith('Slot 0:')
    press(Keys.ARROW_RIGHT)
    press(Keys.ARROW_RIGHT)
    assert find(page, '.told').text.startswith('Slot 2:')
    press(Keys.HOME)
    press(Keys.END)
    press(Keys.ENTER)
    press(Keys.TAB)  # to the second image
    assert find(page, '.told').text.startswith('Slot 2:')
    assert find(page, '.told', 1).text.startswith('Slot 0: 33 %')
    page.execute_script('document.querySelector(\'[data-slot="2"]\').focus()')
    press(Keys.ESCAPE)
    assert find(page, '[data-slot="2"]').get_attribute('aria-pressed') == 'false'


def test_the_browser_has_nothing_to_complain_about(page):
    assert page.get_log('browser') == []
