// Walks through the page of the inspector in a real Chromium, `node browser.mjs [FOLDER]`: reads
// lines of [WALK, ADDRESS], and prints what each found as a line of JSON. The walks stand below;
// each has a context of its own in the browser. Screenshots go to the folder.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(here, "..", "..", "build", "inspector", "package.json"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PATIENCE_MS = 60_000;
const OPTIONS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

const folder = process.argv[2];
let address, origin, report;

/** Opens the page; whatever the browser complains of is a problem. */
async function opened(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  page.on("console", (each) => {
    // Refusals are answers with a status, which the browser reports as errors.
    const isRefusal = /status of (403|502)/.test(each.text());
    if (["error", "warning"].includes(each.type()) && !isRefusal) report.problems.push(each.text());
  });
  page.on("pageerror", (fault) => report.problems.push(String(fault.stack)));
  page.on("request", (each) => {
    if (!each.url().startsWith(`${origin}/`)) report.problems.push(`asked for ${each.url()}`);
  });
  await page.goto(address);
  return page;
}

/** Waits until nothing is loading. */
const settled = (page) => page.waitForFunction(() => document.querySelector("h1") && !document.querySelector(".loading"));

const open = async (page, view) => {
  await page.evaluate((hash) => (location.hash = hash), `#/${view}`);
  await settled(page);
};

const shot = async (page, name) => {
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
};

const EVERYTHING = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Looks for what people with disabilities stumble over, by the rules of WCAG 2.2 A and AA. */
async function examined(page, name, rules = EVERYTHING) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const { violations, passes } = await page.evaluate((runOnly) => axe.run(document, { runOnly }), rules);
  if (passes.length < Math.min(10, rules.length)) report.problems.push(`only ${passes.length} rules fit ${name}`);
  for (const { id, impact, nodes } of violations)
    report.axe.push({ view: name, id, impact, where: nodes.slice(0, 3).map((node) => node.html.slice(0, 160)) });
}

/** Every view and what can be opened in it. */
const VIEWS = {
  overview: async (page) => {
    await page.getByText("Nothing is wrong").waitFor();
    return { figures: await page.locator(".figure dd").allInnerTexts() };
  },
  workflows: async (page) => {
    await page.getByLabel("Search names and bodies").fill("invoice");
    await page.locator("mark").first().waitFor();
    return { hits: await page.locator(".hit-name").allInnerTexts() };
  },
  "workflows/nightly": async (page) => {
    const graph = page.getByRole("img", { name: /^Graph of Nightly/ });
    await graph.waitFor();
    await page.getByText("Tables of this graph").click();
    return { drawn: await page.locator(".graph-step").count(), links: await page.locator(".graph-link").count() };
  },
  "workflows/demo-invoices/history": async (page) => {
    await page.getByRole("button", { name: /revision 2$/ }).click();
    await page.locator("ins").first().waitFor();
    return { changes: await page.locator(".changes > li").allInnerTexts() };
  },
  "workflows/demo-invoices/runs": async (page) => ({ charts: await page.locator(".chart canvas").count() }),
  "workflows/demo-invoices/json": async (page) => ({ text: (await page.locator(".json").innerText()).slice(0, 30) }),
  runs: async (page) => {
    await page.getByText("30 days", { exact: true }).click();
    await page.getByText("Table of this chart").first().click();
    await page.locator(".chart").first().locator("tbody tr").nth(29).waitFor();
    return { charts: await page.locator(".chart canvas").count(), days: await page.locator(".chart").first().locator("tbody tr").count() };
  },
  frames: async (page) => {
    await page.locator("button.row", { hasText: "runs.stats" }).first().click();
    await page.getByRole("region", { name: "Text of the frame" }).waitFor();
    return { kinds: [...new Set(await page.locator(".frames .badge").allInnerTexts())].sort() };
  },
  methods: async (page) => ({ methods: await page.locator(".side-list a").count() }),
  "methods/workflows.list": async (page) => {
    await page.getByLabel("limit", { exact: false }).first().fill("1");
    await page.getByRole("button", { name: "Call workflows.list" }).click();
    await page.getByRole("region", { name: "Result" }).waitFor();
    return { result: (await page.locator(".json").innerText()).split("\n")[0] };
  },
  "methods/workflows.delete": async (page) => ({
    disabled: await page.getByRole("button", { name: "Call workflows.delete" }).isDisabled(),
    why: await page.locator(".note").innerText(),
  }),
  storage: async (page) => ({ charts: await page.locator(".chart canvas").count() }),
  audit: async (page) => {
    await page.locator("td button").first().click();
    await page.locator("td .json").waitFor();
    return { verdict: await page.locator(".verdict").innerText(), entries: await page.locator("tbody tr").count() };
  },
  backups: async (page) => {
    await page.getByRole("button", { name: /^Try a restore/ }).first().click();
    await page.getByText("A restore would be accepted").waitFor();
    return { backups: await page.locator("table").last().locator("tbody tr").count() };
  },
};

/** Every view, in light or dark colours. */
async function views(browser, colorScheme, rules) {
  const page = await opened(browser, { colorScheme });
  await settled(page);
  for (const [view, look] of Object.entries(VIEWS)) {
    await open(page, view);
    report.seen[view] = await look(page);
    await settled(page);
    await examined(page, `${colorScheme} ${view}`, rules);
    await shot(page, `${colorScheme}-${view.replaceAll("/", "-")}`);
  }
  report.seen.back = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
}

const WALKS = {
  async light(browser) {
    await views(browser, "light", EVERYTHING);
    const narrow = await opened(browser, { viewport: { width: 400, height: 800 } });
    for (const view of ["overview", "workflows/nightly", "frames", "runs"]) {
      await open(narrow, view);
      await shot(narrow, `narrow-${view.replaceAll("/", "-")}`);
      const wide = await narrow.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) report.problems.push(`${view} is ${wide} px too wide for a narrow window`);
    }
  },

  /** Only the colours differ, and so what can be wrong. */
  dark: (browser) => views(browser, "dark", ["color-contrast"]),

  /** All views with the keyboard alone: what cannot be reached and seen is a problem. */
  async keyboard(browser) {
    const page = await opened(browser);
    await settled(page);
    const focused = () =>
      page.evaluate(() => {
        const at = document.activeElement;
        const shown = at.closest(".choice label") ?? at;
        const style = getComputedStyle(shown);
        return { tag: at.tagName, text: (at.getAttribute("aria-label") ?? at.labels?.[0]?.innerText ?? at.innerText ?? "").trim(), ring: style.outlineStyle !== "none" };
      });
    const reach = async (name, key = "Tab", most = 140) => {
      for (let step = 0; step < most; step += 1) {
        await page.keyboard.press(key);
        const at = await focused();
        if (!at.ring && at.tag !== "MAIN" && at.tag !== "BODY") report.problems.push(`no ring on ${at.tag} ${at.text}`);
        if (at.text === name || (name instanceof RegExp && name.test(at.text))) return at;
      }
      throw new Error(`the keyboard does not reach ${name}`);
    };
    const press = (key) => page.keyboard.press(key);
    const title = () => page.locator("h1").innerText();
    /** Follows the link that has the focus, which the view that comes takes. */
    const follow = async () => {
      const before = await title();
      await press("Enter");
      await page.waitForFunction(
        (old) => document.querySelector("h1")?.innerText !== old && document.activeElement.tagName === "MAIN",
        before,
      );
      await settled(page);
    };

    await reach("Skip to the content");
    await press("Enter");
    report.seen.skipped = (await focused()).tag;
    report.seen.views = [];
    for (const name of ["Workflows", "Runs", "Frames", "Methods", "Storage", "Audit log", "Backups", "Overview"]) {
      await reach(name, "Shift+Tab", 200);
      await follow();
      report.seen.views.push(await title());
    }
    await reach("Workflows", "Shift+Tab");
    await follow();
    await reach(/^Search names/);
    await page.keyboard.type("invoice");
    await page.locator("mark").first().waitFor();
    await reach(/^Invoice intake/);
    await press("Enter");
    await page.getByRole("tab", { name: "Graph" }).waitFor();
    await settled(page);
    await reach("Graph");
    await press("ArrowRight");
    await settled(page);
    report.seen.tab = (await focused()).text;
    await reach(/^With the one before/);
    await press("Enter");
    await settled(page);

    await reach("Frames", "Shift+Tab", 200);
    await follow();
    await reach("All");
    await press("ArrowRight");
    report.seen.choice = (await focused()).text;
    await reach(/^workflows\.|^system\./);
    await press("ArrowDown");
    await press("Enter");
    await page.getByRole("region", { name: "Text of the frame" }).waitFor();
    await reach("Copy frame", "Tab", 1200);
    await press("Enter");
    report.seen.copied = (await page.evaluate(() => navigator.clipboard.readText())).slice(0, 17);

    await reach("Methods", "Shift+Tab", 1400);
    await follow();
    await reach("ping");
    await press("Enter");
    await reach("Call system.ping", "Tab", 120);
    await press("Enter");
    await page.getByRole("region", { name: "Result" }).waitFor();
    report.seen.result = (await page.locator(".json").innerText()).includes('"at"');
  },

  /** With --write: a form changes the database, and its event is seen at once. */
  async write(browser) {
    const page = await opened(browser);
    await open(page, "methods/settings.set");
    await page.getByRole("textbox", { name: "key" }).fill("theme");
    await page.getByRole("button", { name: "Call settings.set" }).click();
    report.seen.mistake = await page.getByRole("alert").innerText();
    await page.getByRole("textbox", { name: "value" }).fill('"dark"');
    await page.getByRole("button", { name: "Copy as shell command" }).click();
    report.seen.command = await page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole("button", { name: "Call settings.set" }).click();
    await page.getByRole("region", { name: "Result" }).waitFor();
    await open(page, "frames");
    await page.getByText("Events", { exact: true }).click();
    await page.locator("button.row", { hasText: "audit.event" }).first().click();
    await page.getByRole("region", { name: "Text of the frame" }).waitFor();
    report.seen.event = await page.locator(".main .json").innerText();
    await shot(page, "write-frames");
  },

  /** Between a host and its sidecar: frames come while the page is open; one is sent again. */
  async through(browser) {
    const page = await opened(browser);
    await open(page, "frames");
    await page.locator("button.row", { hasText: "audit.event" }).first().waitFor();
    await page.getByText("Calls", { exact: true }).click();
    const asked = page.locator("tr", { hasText: "request" }).locator("button.row", { hasText: "workflows.list" });
    await asked.first().click();
    await page.getByRole("button", { name: "Copy as JSON" }).click();
    report.seen.json = await page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole("button", { name: "Send again" }).click();
    await page.getByRole("region", { name: "Result" }).waitFor();
    report.seen.again = await page.getByRole("region", { name: "Result" }).innerText();
    await page.locator("tr", { hasText: "request" }).locator("button.row", { hasText: "settings.set" }).first().click();
    report.seen.refused = await page.locator(".note").innerText();
    await examined(page, "through frames");
    await shot(page, "through-frames");
    await open(page, "storage");
    await shot(page, "through-storage");
  },

  /** What a person meets who has no token, finds nothing, or whose inspector has ended. */
  async states(browser) {
    const stranger = await opened(browser);
    await stranger.evaluate(() => sessionStorage.clear());
    report.problems.length = 0;
    await stranger.goto(`${origin}/?again`).catch(() => {});
    await stranger.goto(origin);
    await stranger.getByRole("heading", { name: "This page may not be shown" }).waitFor();
    await shot(stranger, "state-no-token");
    await examined(stranger, "no token");
    report.problems = report.problems.filter((each) => !/status of (401|404)/.test(each));
    const page = await opened(browser);
    for (const view of ["overview", "workflows", "runs", "audit", "backups", "storage", "methods", "frames"]) {
      await open(page, view);
      await examined(page, `empty ${view}`);
      await shot(page, `empty-${view}`);
    }
    await open(page, "workflows/nobody");
    report.seen.fault = await page.getByRole("alert").innerText();
    await shot(page, "state-fault");
    await open(page, "overview");
    console.log("READY");
    await page.getByRole("heading", { name: "The inspector has ended" }).waitFor();
    await shot(page, "state-ended");
    report.problems = report.problems.filter((each) => !/ERR_|Failed to load resource/.test(each));
  },
};

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: OPTIONS });
for await (const line of createInterface({ input: process.stdin })) {
  const [walk, at] = JSON.parse(line);
  address = at;
  origin = new URL(at).origin;
  report = { problems: [], axe: [], seen: {} };
  try {
    await WALKS[walk](browser);
  } catch (fault) {
    report.problems.push(String(fault.stack ?? fault));
  } finally {
    for (const context of browser.contexts()) await context.close();
  }
  console.log(JSON.stringify(report));
}
await browser.close();
