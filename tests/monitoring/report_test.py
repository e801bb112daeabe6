# SPDX-License-Identifier: GPL-2.0-only
"""The page of `dmremap report`, as a strict parser of HTML reads it: what is there, and that nothing of it does anything."""
import os
import re
import subprocess
import unittest

import html5lib

XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
PAGES = ("bad", "well", "offline", "large", "small")
NASTY = 'a<b>&"c"'


def page(kind):
    return subprocess.run([os.environ["REPORT_SAMPLE"], kind], capture_output=True, check=True).stdout.decode("utf-8")


def text_of(element):
    return " ".join("".join(element.itertext()).split())


class Page:
    """One, parsed; an error of HTML is an exception."""

    def __init__(self, text):
        self.text = text
        self.root = html5lib.HTMLParser(strict=True).parse(text)

    def all(self, tag, **attributes):
        return [element for element in self.root.iter() if element.tag in (XHTML + tag, SVG + tag)
                and all(element.get(name.rstrip("_")) == value for name, value in attributes.items())]

    def one(self, tag, **attributes):
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]

    def section(self, name):
        return next(section for section in self.all("section") if section.get("aria-labelledby") == name)


class Report(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = {kind: Page(page(kind)) for kind in PAGES}

    def each(self):
        for kind, one in self.pages.items():
            with self.subTest(page=kind):
                yield one

    def test_a_broken_page_would_be_noticed(self):
        with self.assertRaises(html5lib.html5parser.ParseError):
            Page(page("well").replace("</section>", "", 1).replace("</h2>", "</h3>", 1))

    def test_nothing_is_loaded_and_nothing_runs(self):
        for one in self.each():
            for element in one.root.iter():
                self.assertNotIn(element.tag, [XHTML + tag for tag in ("script", "iframe", "object", "embed", "img", "form", "base")])
                for name, value in element.attrib.items():
                    self.assertFalse(name.startswith("on"), name)
                    self.assertFalse(name in ("src", "srcset", "action") or (name == "href" and value != "data:,"), f"{name}={value}")
            self.assertEqual(set(re.findall(r"url\(([^#)]*)", one.text)), {""} if "url(" in one.text else set())
            self.assertNotIn("@import", one.text)
            self.assertIn("default-src 'none'", one.one("meta", **{"http-equiv": "Content-Security-Policy"}).get("content"))

    def test_names_from_disks_are_text(self):
        bad = self.pages["bad"]
        self.assertEqual(text_of(bad.one("h1")), NASTY)
        self.assertEqual(text_of(bad.root.find(f"{XHTML}head/{XHTML}title")), NASTY + ": DEGRADED")
        files = text_of(bad.section("files"))
        self.assertIn("/data/letters/<script>alert('1')</script> & \"co\".txt", files)
        self.assertIn("/data/\ufffd?\u00e9\ufffd", files)
        self.assertIn("Old <Disk>, serial S&1", text_of(bad.section("drives")))

    def test_parts_are_found_by_their_roles(self):
        for one in self.each():
            for tag in ("header", "main", "footer", "h1"):
                one.one(tag)
            identities = [element.get("id") for element in one.root.iter() if element.get("id")]
            self.assertEqual(len(identities), len(set(identities)))
            for several in one.all("ol") + one.all("ul"):
                self.assertTrue(len(several))
            for section in one.all("section"):
                self.assertEqual(section[0].tag, XHTML + "h2")
                self.assertEqual(section.get("aria-labelledby"), section[0].get("id"))
            for table in one.all("table"):
                self.assertEqual(table[0].tag, XHTML + "caption")
                heads = table.findall(f"{XHTML}thead/{XHTML}tr/{XHTML}th")
                self.assertTrue(heads)
                self.assertEqual({head.get("scope") for head in heads}, {"col"})
                for row in table.findall(f"{XHTML}tbody/{XHTML}tr"):
                    self.assertEqual(len(row), len(heads))
            for picture in one.all("svg"):
                self.assertTrue(picture.get("aria-hidden") == "true" or (picture.get("role") == "img" and picture.get("aria-label")))

    def test_state_in_words_and_what_to_do(self):
        self.assertIn("All is well.", text_of(self.pages["well"].one("header")))
        self.assertEqual(text_of(self.pages["well"].one("p", role="status")), "ONLINE")
        self.assertIn("Nothing. This is no backup", text_of(self.pages["well"].section("next")))
        bad = self.pages["bad"]
        self.assertIn("something has to be done", text_of(bad.one("header")))
        # Those of a spare that is missing, too, which the modules count as remapped.
        self.assertIn("4000 sectors (2.0 MiB) are served by spares, 66 sectors (33.0 KiB) are guarded, and 120 sectors (60.0 KiB) cannot be read.",
                      text_of(bad.one("header")))
        urgencies = [text_of(span).rstrip(":") for span in bad.section("next").iter(XHTML + "span")]
        self.assertEqual(urgencies, sorted(urgencies, key=["critical", "attention", "note"].index))
        self.assertEqual(set(urgencies), {"attention", "note"})
        self.assertIn(f"dmremap files {NASTY}", [text_of(code) for code in bad.section("next").iter(XHTML + "code")])
        # Data first: what is written anew cannot be asked for any more.
        words = text_of(bad.section("next"))
        self.assertLess(words.index("dmremap retry"), words.index("restore the files that own them"))
        away = self.pages["offline"]
        self.assertEqual(text_of(away.one("p", role="status")), "OFFLINE")
        self.assertIn("dmremap open away", [text_of(code) for code in away.section("next").iter(XHTML + "code")])
        self.assertIn("Not known: it does not run.", text_of(away.section("files")))
        self.assertIn("not known while the set does not run", text_of(away.section("main")))

    def test_the_map_shows_each_cell_once(self):
        for kind, looks in (("bad", {"well, and read by the scrub", "nothing known against it", "guarded", "some of it remapped to a spare", "some of it cannot be read"}),
                            ("well", {"well, and read by the scrub", "guarded"})):
            one = self.pages[kind]
            picture = one.one("svg", class_="map")
            cells = 0
            for rect in picture.iter(SVG + "rect"):
                self.assertEqual((int(rect.get("width")) + 1) % 10, 0)
                cells += (int(rect.get("width")) + 1) // 10
            # 1953525168 sectors in at most 2,304 cells of whole blocks
            self.assertEqual(cells, 2304)
            legend = dict(text_of(item).split(": ") for item in one.one("ul", class_="legend"))
            self.assertEqual(set(legend), looks)
            self.assertEqual(sum(map(int, legend.values())), cells)
            for words, count in legend.items():
                self.assertIn(f" {words}: {count}.", picture.get("aria-label"))
        titles = [text_of(title) for title in self.pages["bad"].one("svg", class_="map").iter(SVG + "title")]
        self.assertEqual([title.partition(", ")[2] for title in titles if ", " in title], ["66 guarded", "4000 remapped", "96 cannot be read", "24 cannot be read"])
        self.assertIn("under way: 40 %", text_of(self.pages["bad"].section("main")))

    def test_what_the_map_shows_is_in_words_too(self):
        """For who has no pointer: a phone, paper, a screen reader."""
        rows = [[text_of(cell) for cell in row] for row in self.pages["bad"].section("main").findall(f".//{XHTML}tbody/{XHTML}tr")]
        self.assertEqual([row[2:] for row in rows], [["0", "66", "0"], ["4000", "0", "0"], ["0", "0", "96"], ["0", "0", "24"]])
        for (first, last, *_), sector in zip(rows, (0, 500_000_000, 700_000_000, 1_200_000_000)):
            self.assertTrue(int(first) <= sector <= int(last))
        self.assertIn("4162 sectors remapped, 24 pending, 0 lost. Blocks are of 512 bytes, and fail by 4096.", text_of(self.pages["bad"].section("main")))
        many = self.pages["large"].section("main")
        self.assertEqual(len(many.findall(f".//{XHTML}tbody/{XHTML}tr")), 100)
        self.assertIn("more: dmremap map large", text_of(many))

    def test_a_small_main_has_no_large_cells(self):
        for one in (self.pages["well"], self.pages["small"]):
            width, height = one.one("svg", class_="map").get("viewBox").split()[2:]
            self.assertEqual(width, "640")
        self.assertEqual(height, "10")

    def test_colours_can_be_told_from_what_is_behind_them(self):
        """WCAG's 3 to 1 of what a picture has to say: marks on their cells, bars on the page."""
        def light(colour):
            parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
            return sum(weight * (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
                       for weight, part in zip((0.2126, 0.7152, 0.0722), parts))

        sheet = self.pages["well"].text
        themes = [dict(re.findall(r"--(\w+): (#\w{6})", theme)) for theme in re.findall(r":root \{(.*?)\}", sheet, re.S)]
        self.assertEqual(len(themes), 3)
        bar = re.search(r"\.bar \{ fill: var\(--(\w+)\)", sheet)[1]
        for theme in themes:
            for front, behind in ((bar, "page"), ("mark", "guarded"), ("mark", "remapped"), ("mark", "unreadable")):
                lights = sorted((light(theme[front]), light(theme[behind])))
                self.assertGreaterEqual((lights[1] + 0.05) / (lights[0] + 0.05), 3, (front, theme[front], behind, theme[behind]))

    def test_the_past_hour_by_hour_and_day_by_day(self):
        bad = self.pages["bad"]
        figures = bad.all("figure")
        self.assertEqual([len(list(figure.iter(SVG + "g"))) for figure in figures], [24, 30, 24, 30])
        for figure in figures:
            told = [text_of(title).rpartition(": ")[2] for title in figure.iter(SVG + "title")]
            numbers = [int(word) for word in told if word != "not watched"]
            caption = text_of(figure.find(XHTML + "figcaption"))
            self.assertRegex(caption, rf": {sum(numbers)} in all, at most {max(numbers)} in one$")
        # Twenty days were watched, the first of them and the one that is not over in part.
        days = [text_of(title) for title in figures[1].iter(SVG + "title")]
        self.assertEqual([day.rpartition(": ")[2] for day in days].count("not watched"), 9)
        # 66, and 3 of the same hour by a clock that was set back.
        self.assertIn("69 in all, at most 69 in one", text_of(figures[0]))
        self.assertEqual(len(self.pages["offline"].all("figure")), 4)

    def test_many_files_make_no_endless_page(self):
        large = self.pages["large"]
        rows = large.section("files").findall(f".//{XHTML}tbody/{XHTML}tr")
        self.assertEqual(len(rows), 500)
        self.assertIn("And 2504 more: dmremap files large", text_of(large.section("files")))
        self.assertEqual(text_of(rows[0][0]), "file")

    def test_what_is_missing_is_said(self):
        self.assertIn("sync first", text_of(self.pages["bad"].section("warnings")))
        self.assertNotIn("warnings", [section.get("aria-labelledby") for section in self.pages["well"].all("section")])

    def test_light_dark_phone_and_paper(self):
        for one in self.each():
            for words in ("prefers-color-scheme: dark", "@media print"):
                self.assertIn(words, one.text)
            self.assertIn("width=device-width", one.one("meta", name="viewport").get("content"))
            for table in one.all("table"):
                self.assertTrue(any(table in list(box) for box in one.all("div", class_="wide")))


if __name__ == "__main__":
    unittest.main()
