// Shows one page at a time, by the part of the address behind #, filters the index, and draws charts
// when they come into view. The markup reads without it; drawing is in charts.js.
"use strict";
(() => {
  const root = document.documentElement;
  const errors = [];
  const note = (error) => {
    errors.push(String(error));
    root.dataset.errors = JSON.stringify(errors);
  };
  root.dataset.errors = "[]";
  addEventListener("error", (event) => note(event.message));
  addEventListener("unhandledrejection", (event) => note(event.reason));

  const pages = [...document.querySelectorAll(".page")];
  const drawn = new Map();
  const hidden = new Map();
  const positions = new Map();
  let current = null;

  const draw = (place) => {
    let chart = drawn.get(place);
    if (!chart) {
      chart = echarts.init(place, null, { renderer: "svg" });
      drawn.set(place, chart);
    }
    chart.setOption(charts.option(place, hidden.get(place) ?? new Set()), true);
    place.dataset.drawn = "true";
  };

  const redraw = () => {
    for (const [place, chart] of drawn) {
      chart.resize();
      draw(place);
    }
  };

  const drawIfVisible = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting && !drawn.has(entry.target)) {
          draw(entry.target);
        }
      }
    },
    { rootMargin: "300px" },
  );

  const show = () => {
    const id = location.hash.slice(1) || "/";
    const target = document.getElementById(id);
    const page = pages.includes(target) ? target : current ?? pages[0];
    if (page === current) {
      return;
    }
    if (current) {
      positions.set(current, scrollY);
      current.classList.remove("current");
      drawIfVisible.disconnect();
      for (const [place, chart] of drawn) {
        chart.dispose();
        delete place.dataset.drawn;
      }
      drawn.clear();
    }
    const first = current === null;
    current = page;
    page.classList.add("current");
    document.title = `${page.dataset.title} – Tensorbridge benchmarks`;
    for (const place of page.querySelectorAll(".chart")) {
      drawIfVisible.observe(place);
    }
    if (!first) {
      scrollTo(0, positions.get(page) ?? 0);
      page.querySelector("h1").focus({ preventScroll: true });
    }
    root.dataset.page = page.id;
  };

  // A link leads to the top of its page; only back and forward return to where the reader was.
  history.scrollRestoration = "manual";
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#/']");
    if (link) {
      positions.delete(document.getElementById(link.getAttribute("href").slice(1)));
    }
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    current.querySelector("h1").focus();
  });

  const filter = document.getElementById("filter");
  const counts = [...document.querySelectorAll(".count")];
  const applyFilter = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const changes = counts
      .filter((button) => button.getAttribute("aria-pressed") === "true")
      .map((button) => button.dataset.change);
    let found = 0;
    for (const family of document.querySelectorAll(".family")) {
      for (const group of family.querySelectorAll(".group")) {
        for (const row of group.querySelectorAll("tbody tr")) {
          row.hidden =
            !words.every((word) => row.dataset.name.includes(word)) ||
            (changes.length > 0 && !changes.includes(row.dataset.change));
          found += row.hidden ? 0 : 1;
        }
        group.hidden = !group.querySelector("tbody tr:not([hidden])");
      }
      family.hidden = !family.querySelector(".group:not([hidden])");
    }
    const all = words.length === 0 && changes.length === 0;
    document.getElementById("found").textContent = all ? "" : `${found} found`;
  };
  filter?.addEventListener("input", applyFilter);
  for (const button of counts) {
    button.addEventListener("click", () => {
      const pressed = button.getAttribute("aria-pressed") === "true";
      button.setAttribute("aria-pressed", String(!pressed));
      applyFilter();
    });
  }

  for (const button of document.querySelectorAll(".legend button")) {
    button.addEventListener("click", () => {
      const place = button.closest("figure").querySelector(".chart");
      const names = hidden.get(place) ?? new Set();
      const shown = button.getAttribute("aria-pressed") === "true";
      shown ? names.add(button.dataset.contender) : names.delete(button.dataset.contender);
      button.setAttribute("aria-pressed", String(!shown));
      hidden.set(place, names);
      draw(place);
    });
  }

  let width = innerWidth;
  let pending = 0;
  addEventListener("resize", () => {
    cancelAnimationFrame(pending);
    pending = requestAnimationFrame(() => {
      if (innerWidth !== width) {
        width = innerWidth;
        redraw();
      }
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper shows every chart of the page, in light colours.
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    current.querySelectorAll(".chart").forEach(draw);
  });
  addEventListener("afterprint", () => {
    root.classList.remove("printing");
    redraw();
  });

  addEventListener("hashchange", show);
  show();
})();
