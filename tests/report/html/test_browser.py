"""Reports in a real browser: drawn, silent, reached by keys, and for everyone's eyes.

Screenshots are kept in the folder of the option ``--screenshots``, else in pytest's own.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("axe_playwright_python")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from ptycho_engine import Patterns, Scan, write_scan
from ptycho_engine.app.jobs import convert, extract, reassemble, train
from ptycho_engine.app.jobs.conversion_job import ConversionJob
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.reassembly_job import ReassemblyJob
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.stored_patches import PatchSource
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.scan_files import ScanSource

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
]

#: Widths of a desk and of a phone, each by day and by night.
LOOKS = [(1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")]
REPORTS = ["extract", "train", "convert", "reassemble"]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return the report of each job, of one scan; some windows of it leave the object."""
    folder = tmp_path_factory.mktemp("reports")
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:180, :220]
    amplitude = 1 - 0.5 * (np.hypot(y - 90, x - 110) < 60)
    image = amplitude * np.exp(0.8j * np.sin(y / 9) * np.cos(x / 7))
    positions = rng.uniform((20, 20), (165, 200), (150, 2))
    patterns = Patterns.of(rng.poisson(3, (150, 32, 32)).astype(np.float32), "intensity")
    scan, patches = folder / "scan.h5", folder / "<script>patches.h5"
    write_scan(scan, Scan(image.astype(np.complex64), positions, "made", None, patterns))
    source = ScanSource("file", scan)
    one = extract.run(ExtractionJob(source, Cut(32), patches, plugin="numba"))
    groups = GroupSettings(members=4)
    two = train.run(TrainingJob(source, groups, folder / "train.zarr", plugin="numba"))
    three = convert.run(ConversionJob(source, folder / "scan.npz"))
    four = reassemble.run(ReassemblyJob(PatchSource(patches), folder / "o.h5", plugin="numba"))
    return dict(zip(REPORTS, (one.report, two.report, three.report, four.report), strict=True))


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def screenshots(request, tmp_path):
    folder = Path(request.config.getoption("--screenshots") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def opened(browser):
    """Return a function that opens a page; what it complains of or asks for is kept with it."""
    contexts = []

    def open_page(path, width=1280, scheme="light"):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.asked = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(path.resolve().as_uri())
        page.wait_for_load_state()
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", REPORTS)
def test_it_is_drawn_and_asks_for_nothing(reports, opened, name):
    page = opened(reports[name])
    sizes = page.evaluate(
        """async () => {
            const drawn = [...document.querySelectorAll("svg image")];
            const places = [...[...document.images].map(i => i.src),
                ...drawn.map(i => i.getAttribute("href"))];
            return Promise.all(places.map(async src => {
                const image = new Image(); image.src = src; await image.decode();
                return image.naturalWidth;
            }));
        }"""
    )
    assert len(sizes) >= 3
    assert min(sizes) > 0
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    page.locator("svg.plane").first.hover()
    expect(page.locator("output.reading")).to_contain_text("nearest position")
    assert page.complaints == []
    own = reports[name].resolve().as_uri()
    assert [url for url in page.asked if url != own and not url.startswith("data:")] == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("name", REPORTS)
def test_everyone_can_read_it(reports, opened, screenshots, name, width, scheme):
    page = opened(reports[name], width, scheme)
    found = Axe().run(page).response
    assert len(found["passes"]) > 10  # it did look
    grave = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert not grave, [(v["id"], [node["html"][:200] for node in v["nodes"]]) for v in grave]
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
    page.screenshot(path=screenshots / f"{name}-{width}-{scheme}.png", full_page=True)


def test_keys_move_the_cross_and_zoom(reports, opened):
    page = opened(reports["extract"])
    plane, reading = page.locator("svg.plane").first, page.locator("output.reading")
    whole = plane.get_attribute("viewBox")
    for _ in range(12):  # over the skip link, the buttons and boxes
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.matches('svg.plane')"):
            break
    assert page.evaluate("document.activeElement.matches('svg.plane')")
    page.keyboard.press("ArrowRight")
    before = reading.text_content()
    assert "amplitude" in before
    assert "phase" in before
    page.keyboard.press("Shift+ArrowDown")
    assert reading.text_content() != before
    page.keyboard.press("+")
    zoomed = [float(number) for number in plane.get_attribute("viewBox").split()]
    assert zoomed[2] == pytest.approx(float(whole.split()[2]) / 1.5)
    boxes = page.locator("svg.plane").evaluate_all("all => all.map(p => p.getAttribute('viewBox'))")
    assert len(set(boxes)) == 1  # all planes show the same place
    page.keyboard.press("0")
    assert [float(n) for n in plane.get_attribute("viewBox").split()] == pytest.approx(
        [float(n) for n in whole.split()]
    )
    assert page.complaints == []


def test_a_reading_is_the_value_of_the_object(reports, opened):
    """Within a step of the 255 colours; amplitude is 0.5 within the disc and 1 outside."""
    page = opened(reports["extract"])
    plane, reading = page.locator("svg.plane").first, page.locator("output.reading")
    box = plane.bounding_box()
    left, top, width, height = (float(n) for n in plane.get_attribute("viewBox").split())
    for (y, x), amplitude in (((90, 110), "0.5"), ((10, 110), "1.0"), ((90, 200), "1.0")):
        across = box["x"] + (x - left) / width * box["width"]
        down = box["y"] + (y - top) / height * box["height"]
        page.mouse.move(across, down)
        expect(reading).to_contain_text(f"amplitude ≈ {amplitude}")
        said = reading.text_content().split("·")[0]
        near = [float(part.split()[1]) for part in said.split(",")]
        assert near == pytest.approx([y, x], abs=1)


def test_a_pointer_zooms_and_drags(reports, opened):
    page = opened(reports["train"])
    plane = page.locator("svg.plane").first
    page.get_by_role("button", name="Zoom in").click()
    before = plane.get_attribute("viewBox")
    box = plane.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2, steps=3)
    page.mouse.up()
    moved = plane.get_attribute("viewBox")
    assert float(moved.split()[0]) > float(before.split()[0])
    page.get_by_role("checkbox", name="positions").uncheck()
    expect(page.locator("path.dots")).to_be_hidden()
    page.get_by_role("button", name="Whole").click()
    assert float(plane.get_attribute("viewBox").split()[2]) > float(moved.split()[2])
    assert page.complaints == []


def test_without_scripts_the_pictures_stand(reports, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(reports["extract"].resolve().as_uri())
    expect(page.locator("svg.plane").first).to_be_visible()
    expect(page.locator("path.dots")).to_be_visible()
    expect(page.locator(".tools")).to_be_hidden()
    context.close()
