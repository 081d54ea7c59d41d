"""The hook for Scrapy, in real crawls of a server on this machine.

`python test_scrapy.py URL OUT SETTINGS` is one crawl: a reactor can be started once in a process.
"""

import asyncio
import html
import http.server
import json
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest

from declutter import Cleaner, Page, Profile, learn
from declutter.errors import ProfileError

scrapy = pytest.importorskip("scrapy", reason="needs declutter-text[scrapy]")

from scrapy.crawler import CrawlerProcess  # noqa: E402
from scrapy.settings import Settings  # noqa: E402

from declutter.integrations.scrapy import LEARNED_PAGES, CleanPipeline  # noqa: E402

pytestmark = pytest.mark.slow

PIPELINES = {"declutter.integrations.scrapy.CleanPipeline": 300}


class Spider(scrapy.Spider):
    name = "local"
    custom_settings = {"LOG_LEVEL": "WARNING", "TELNETCONSOLE_ENABLED": False, "ITEM_PIPELINES": PIPELINES}

    def parse(self, response):
        for link in response.css("a.page::attr(href)").getall():
            yield response.follow(link, self.parse_page)

    def parse_page(self, response):
        url = response.css("link[rel=canonical]::attr(href)").get()
        yield {"number": int(response.url.rpartition("/")[2]), "url": url, "text": response, "verdicts": None}


def crawl(url, out, settings):
    feed = {"FEEDS": {out: {"format": "jsonl", "encoding": "utf-8"}}}
    process = CrawlerProcess(settings={**feed, **settings})
    crawler = process.create_crawler(Spider)
    process.crawl(crawler, start_urls=[url])
    process.start()
    print(json.dumps({name: value for name, value in crawler.stats.get_stats().items() if "declutter" in name}))


def as_html(page):
    lines = (line for line in page.text.splitlines() if line.strip())
    blocks = (f"<p>{html.escape(line)}</p>" if len(line) > 60 else f"<li>{html.escape(line)}</li>" for line in lines)
    return f'<!doctype html><meta charset="utf-8"><link rel="canonical" href="{page.url}">\n' + "\n".join(blocks)


@pytest.fixture(scope="module")
def html_pages(pages):
    return [Page(page.url, url=page.url, html=as_html(page)) for page in pages]


@pytest.fixture(scope="module")
def site(html_pages):
    """The address of a server with the pages at /0 to /199, and links to all of them at /."""
    links = "".join(f'<a class="page" href="/{number}">{number}</a>' for number in range(len(html_pages)))

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            number = self.path[1:]
            content = html_pages[int(number)].html if number.isdigit() else f"<html><body>{links}</body></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(content.encode("utf-8"))

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def crawled(site, tmp_path, **settings):
    """(items by number, what the pipeline counted, what was logged) of a crawl."""
    out = tmp_path / "items.jsonl"
    command = [sys.executable, __file__, site, str(out), json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    items = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    out.unlink()
    return {item["number"]: item for item in items}, json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.mark.parametrize("reactor", ["asyncioreactor.AsyncioSelectorReactor", "selectreactor.SelectReactor"])
def test_with_a_profile_items_are_what_clean_pages_makes_of_them(site, html_pages, tmp_path, reactor):
    learn(html_pages).save(tmp_path / "sites.profile")
    items, stats, log = crawled(
        site,
        tmp_path,
        DECLUTTER_PROFILE=str(tmp_path / "sites.profile"),
        DECLUTTER_VERDICTS_FIELD="verdicts",
        TWISTED_REACTOR=f"twisted.internet.{reactor}",
    )
    expected = list(Cleaner().clean_pages(html_pages))
    assert [items[number]["text"] for number in range(len(html_pages))] == [page.text for page in expected]
    for number, page in enumerate(expected):
        verdicts = [(line["label"], line["keep"], line["reason"]) for line in items[number]["verdicts"]]
        assert verdicts == [(label, keep, reason) for label, _, keep, reason in page.verdicts]
    assert stats["declutter/pages"] == len(html_pages)
    assert stats["declutter/lines_kept"] == sum(int(page.verdicts.keep.sum()) for page in expected)
    assert stats["declutter/learned"] == 0  # the profile knows all the sites
    assert "Deprecat" not in log


def test_a_crawl_learns_the_sites(site, html_pages, tmp_path):
    items, stats, log = crawled(site, tmp_path, DECLUTTER_PROFILE=str(tmp_path / "new.profile"))
    assert (len(items), stats["declutter/pages"], stats["declutter/learned"]) == (200, 200, 200)
    assert "WARNING" not in log and "ERROR" not in log
    learned = {found.name: found.n_pages for found in Profile.load(tmp_path / "new.profile").sites}
    assert learned == {found.name: found.n_pages for found in learn(html_pages).sites}
    assert stats["declutter/sites"] == len(learned) == 17
    alone = [Cleaner().clean_html(page.html) for page in html_pages]
    assert [items[number]["text"] for number in range(200)] != alone  # what was learned is used while crawling


def pipeline(**settings):
    counted = {}
    stats = SimpleNamespace(
        set_value=counted.__setitem__, inc_value=lambda name, n=1: counted.update({name: counted.get(name, 0) + n})
    )
    spider = SimpleNamespace(name="local")
    crawler = SimpleNamespace(settings=Settings(settings), stats=stats, spider=spider, counted=counted)
    return CleanPipeline.from_crawler(crawler)


def process(hook, item):
    """What comes out for an item that comes alone."""
    return asyncio.run(hook.process_item(item))


def test_items_without_a_page_are_let_through():
    hook = pipeline()
    assert process(hook, {"url": "https://a.example/", "picture": "x"}) == {"url": "https://a.example/", "picture": "x"}
    assert process(hook, {"text": None}) == {"text": None}
    assert hook.crawler.counted == {"declutter/no_page": 2}
    with pytest.raises(TypeError, match="text is int"):
        process(hook, {"text": 5})


def test_dumps_without_a_url_belong_to_the_spider(pages, kept):
    hook = pipeline(DECLUTTER_FIELD="dump", DECLUTTER_ENGINE="rules")
    for page in pages[:6]:
        process(hook, {"dump": page.text})
    process(hook, {"dump": pages[0].text, "url": "http://[broken"})
    hook.close_spider()
    assert [found.name for found in hook._cleaner.profile.sites] == ["local"]


def test_a_host_is_learned_up_to_a_number_of_pages():
    hook = pipeline(DECLUTTER_ENGINE="rules")
    for number in range(LEARNED_PAGES + 9):
        process(hook, {"text": f"Menu\nPage {number}\n", "url": f"https://a.example/{number}"})
    hook.close_spider()
    assert hook.crawler.counted["declutter/learned"] == LEARNED_PAGES
    assert hook.crawler.counted["declutter/pages"] == LEARNED_PAGES + 9


@pytest.mark.parametrize(("n_at_once", "n_lines", "in_threads"), [(1, 1, False), (1, 5000, True), (4, 1, True)])
def test_a_short_page_that_comes_alone_needs_no_thread(tmp_path, monkeypatch, n_at_once, n_lines, in_threads):
    texts = [f"Boat {number} came back at dawn.\n" * n_lines for number in range(n_at_once)]
    pages = [Page("", url="https://a.example/", text=text) for text in texts]
    learn(pages).save(tmp_path / "known.profile")  # so that there is nothing to learn
    threads = []

    async def in_thread(function, *arguments):
        threads.append(function)
        return await asyncio.to_thread(function, *arguments)

    monkeypatch.setattr("declutter.integrations.scrapy.run_in_thread", in_thread)
    hook = pipeline(DECLUTTER_PROFILE=str(tmp_path / "known.profile"))

    async def crawl():
        return await asyncio.gather(*(hook.process_item({"url": page.url, "text": page.text}) for page in pages))

    kept = [item["text"] for item in asyncio.run(crawl())]
    assert kept == [page.text for page in Cleaner(profile=learn(pages)).clean_pages(pages)]
    assert bool(threads) == in_threads


def test_bad_settings_stop_the_crawl(tmp_path):
    (tmp_path / "bad.profile").write_bytes(b"no profile")
    with pytest.raises(ProfileError, match="bad.profile"):
        pipeline(DECLUTTER_PROFILE=str(tmp_path / "bad.profile"))
    with pytest.raises(ValueError, match="no such label: bodies"):
        pipeline(DECLUTTER_KEEP=["bodies"])


if __name__ == "__main__":
    crawl(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]))
