// What each kind of chart shows, as options of Apache ECharts; page.js decides when to draw. Numbers
// come from the embedded results, densities and units from Java, colours from page.css.
"use strict";
const charts = (() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const symbols = { ours: "circle", legacy: "diamond", peer: "triangle", bound: "rect" };
  const launchColours = ["ours-0", "legacy-0", "peer-0", "bound-0", "ours-1", "peer-1", "legacy-1", "ours-2"];

  const colour = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const escaped = (text) =>
    String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

  // ---- numbers

  const unitOf = (kind, value) => {
    const steps = data.units[kind] ?? [{ factor: 1, symbol: kind }];
    const small = steps.filter((step) => Math.abs(value) >= step.factor);
    return small.at(-1) ?? steps[0];
  };
  const short = (value) => String(Number(value.toPrecision(4)));
  const format = (kind, value) => {
    if (!Number.isFinite(value)) {
      return "–";
    }
    const unit = unitOf(kind, value);
    return `${short(value / unit.factor)} ${unit.symbol}`.trim();
  };
  const interval = (kind, { low, high }) => `${format(kind, low)} – ${format(kind, high)}`;
  const averages = (samples) => samples.totals.map((total, i) => total / samples.iterations[i]);
  const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);

  const outlierClass = (value, fences) => {
    if (value < fences.lowSevereFence || value > fences.highSevereFence) {
      return "severe";
    }
    return value < fences.lowMildFence || value > fences.highMildFence ? "mild" : "inside";
  };
  const outlierLooks = {
    inside: { symbol: "circle", symbolSize: 6 },
    mild: { symbol: "diamond", symbolSize: 9 },
    severe: { symbol: "triangle", symbolSize: 9 },
  };

  // ---- axes

  // ECharts draws mark lines, which are our grid, at 5.
  const Z = { sample: 6, interval: 7, symbol: 8, ours: 9 };

  const niceStep = (span, most) => {
    const rough = span / most;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= rough);
  };

  /** Values for the grid of a logarithmic axis: 1, 2, 5 in each decade, fewer or more as they fit. */
  const logTicks = (kind, low, high, most) => {
    const base = kind === "bytes" ? 2 : 10;
    const mantissas = base === 2 ? [[1]] : [[1, 2, 5], [1, 3], [1]];
    const first = Math.floor(Math.log(low) / Math.log(base));
    const last = Math.ceil(Math.log(high) / Math.log(base));
    for (let stride = 1; stride <= last - first + 1; stride++) {
      for (const mantissa of stride === 1 ? mantissas : [[1]]) {
        const ticks = [];
        for (let power = first; power <= last; power++) {
          if (power % stride === 0) {
            ticks.push(...mantissa.map((m) => m * base ** power));
          }
        }
        const inside = ticks.filter((tick) => tick >= low && tick <= high);
        if (inside.length < 3 && stride === 1 && mantissa === mantissas[0]) {
          const unit = unitOf(kind, high).factor;
          const step = niceStep((high - low) / unit, Math.min(most, 5)) * unit;
          const even = [];
          for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
            even.push(tick);
          }
          return even;
        }
        if (inside.length <= most) {
          return inside;
        }
      }
    }
    return [];
  };

  const logRange = (values) => {
    const usable = values.filter((value) => Number.isFinite(value) && value > 0);
    const low = Math.min(...usable);
    const high = Math.max(...usable);
    const margin = Math.max((high / low) ** 0.06, 1.04);
    return [low / margin, high * margin];
  };

  /** A logarithmic axis without marks of its own: {@link gridOf} draws them where they are useful. */
  const logAxis = ([min, max]) => ({
    type: "log",
    min,
    max,
    axisLabel: { show: false },
    axisTick: { show: false },
    splitLine: { show: false },
    minorTick: { show: false },
    axisLine: { show: false },
  });

  /** Grid lines and their labels, as a series: ECharts' own log axis marks powers only. */
  const gridOf = (axis, ticks, text, position = "start") => ({
    type: "scatter",
    data: [],
    silent: true,
    tooltip: { show: false },
    markLine: {
      silent: true,
      animation: false,
      symbol: "none",
      lineStyle: { color: colour("grid"), type: "solid", width: 1 },
      label: {
        position,
        distance: 6,
        color: colour("soft"),
        fontSize: 12,
        formatter: ({ value }) => text(value),
      },
      data: ticks.map((tick) => ({ [axis]: tick })),
    },
  });

  const linearAxis = (name, extra = {}) => ({
    type: "value",
    scale: true,
    name,
    nameTextStyle: { color: colour("soft") },
    axisLabel: { color: colour("soft"), hideOverlap: true, formatter: short },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: colour("grid") } },
    ...extra,
  });
  const bottomAxis = (name, extra = {}) =>
    linearAxis(name, {
      nameLocation: "middle",
      nameGap: 28,
      splitNumber: 6,
      axisLine: { show: true, onZero: false, lineStyle: { color: colour("rule") } },
      splitLine: { show: false },
      ...extra,
    });

  const tooltip = (formatter, extra = {}) => ({
    trigger: "item",
    confine: true,
    backgroundColor: colour("card"),
    borderColor: colour("rule"),
    textStyle: { color: colour("text"), fontSize: 13 },
    formatter,
    ...extra,
  });

  const base = () => ({
    animation: false,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour("text") },
    grid: { left: 8, right: 16, top: 28, bottom: 40, containLabel: true },
  });

  /** An interval as a line with caps; data are [place, low, high]. */
  const whiskers = (name, items, horizontal, style) => ({
    name,
    type: "custom",
    silent: true,
    clip: true,
    z: Z.interval,
    tooltip: { show: false },
    encode: horizontal ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    data: items,
    renderItem: (params, api) => {
      const at = (end) =>
        api.coord(horizontal ? [api.value(end), api.value(0)] : [api.value(0), api.value(end)]);
      const [x1, y1] = at(1);
      const [x2, y2] = at(2);
      const cap = horizontal ? [0, 5] : [5, 0];
      const line = (ax, ay, bx, by) => ({
        type: "line",
        shape: { x1: ax, y1: ay, x2: bx, y2: by },
        style: { stroke: style, lineWidth: 1.5 },
      });
      return {
        type: "group",
        children: [
          line(x1, y1, x2, y2),
          line(x1 - cap[0], y1 - cap[1], x1 + cap[0], y1 + cap[1]),
          line(x2 - cap[0], y2 - cap[1], x2 + cap[0], y2 + cap[1]),
        ],
      };
    },
  });

  // ---- one benchmark

  const curve = (density, factor) =>
    density.values.map((value, i) => [
      (density.low + ((density.high - density.low) * i) / (density.values.length - 1)) / factor,
      value * factor,
    ]);

  const area = (name, density, factor, stroke, extra = {}) => ({
    name,
    type: "line",
    data: curve(density, factor),
    showSymbol: false,
    silent: true,
    lineStyle: { color: stroke, width: 2 },
    areaStyle: { color: stroke, opacity: 0.15 },
    ...extra,
  });

  const verticals = (lines) => ({
    silent: true,
    symbol: "none",
    label: { show: false },
    data: lines.map(({ at, name, type, width }) => ({
      xAxis: at,
      lineStyle: { color: colour(name), type, width },
    })),
  });

  const mini = (place, [entry]) => ({
    ...base(),
    grid: { left: 2, right: 2, top: 3, bottom: 2 },
    xAxis: { type: "value", show: false, min: entry.density.low, max: entry.density.high },
    yAxis: { type: "value", show: false },
    series: [
      area("density", entry.density, 1, colour(entry.shade), {
        lineStyle: { color: colour(entry.shade), width: 1.5 },
        areaStyle: { color: colour(entry.shade), opacity: 0.22 },
        markLine: verticals([
          { at: entry.estimates.median.point, name: "text", type: "solid", width: 1 },
        ]),
      }),
    ],
  });

  const density = (place, [entry]) => {
    const { estimates, samples, kind } = entry;
    const unit = unitOf(kind, estimates.median.point);
    const fences = estimates.outliers;
    const { low, high } = entry.density;
    const inView = (value) => value >= low && value <= high;
    const peak = largest(entry.density.values) * unit.factor;
    const values = averages(samples);
    const points = Object.entries(outlierLooks).map(([name, looks]) => ({
      name,
      type: "scatter",
      ...looks,
      itemStyle: { color: colour(name === "inside" ? "ours-0" : name), opacity: 0.65 },
      data: values
        .map((value, i) => [value / unit.factor, -peak * (0.06 + ((i * 7) % 11) * 0.017), i])
        .filter(([value]) => inView(value * unit.factor) && outlierClass(value * unit.factor, fences) === name),
    }));
    const lines = [
      { at: fences.lowSevereFence, name: "severe", type: [2, 4], width: 2 },
      { at: fences.lowMildFence, name: "mild", type: [2, 4], width: 2 },
      { at: fences.highMildFence, name: "mild", type: [2, 4], width: 2 },
      { at: fences.highSevereFence, name: "severe", type: [2, 4], width: 2 },
      { at: estimates.mean.point, name: "mean", type: "dashed", width: 2 },
      { at: estimates.median.point, name: "text", type: "solid", width: 2 },
    ];
    return {
      ...base(),
      grid: { left: 12, right: 16, top: 12, bottom: 48 },
      tooltip: tooltip(
        ({ data: [value, , i] }) => `sample ${i + 1}: ${format(kind, value * unit.factor)}`,
      ),
      xAxis: bottomAxis(unit.symbol, { min: low / unit.factor, max: high / unit.factor, ...quietEnds() }),
      yAxis: { type: "value", show: false, min: -peak * 0.27, max: peak * 1.05 },
      series: [
        area("density", entry.density, unit.factor, colour(entry.shade), {
          markLine: verticals(
            lines.filter(({ at }) => inView(at)).map((line) => ({ ...line, at: line.at / unit.factor })),
          ),
        }),
        ...points,
      ],
    };
  };

  /** Exact ends of an axis are no round numbers: they get no label. */
  const quietEnds = () => ({
    axisLabel: {
      color: colour("soft"),
      hideOverlap: true,
      showMinLabel: false,
      showMaxLabel: false,
      formatter: short,
    },
  });

  /** Values in the order in which they were taken. */
  const sequence = (entry, values, kind, classOf, median) => {
    const unit = unitOf(kind, median);
    const launches = [...new Set(entry.samples.launches)];
    return {
      ...base(),
      tooltip: tooltip(
        ({ data: { value: [i, value] }, seriesName }) =>
          `sample ${i}, ${escaped(seriesName)}: ${format(kind, value * unit.factor)}`,
      ),
      xAxis: bottomAxis("sample", { min: 0, max: values.length + 1, minInterval: 1, ...quietEnds() }),
      yAxis: linearAxis(unit.symbol),
      series: launches.map((launch, n) => ({
        name: `launch ${launch + 1}`,
        type: "scatter",
        itemStyle: { color: colour(launchColours[n % launchColours.length]), opacity: 0.85 },
        data: values
          .map((value, i) => ({ value: [i + 1, value / unit.factor], ...outlierLooks[classOf(value)] }))
          .filter((item, i) => entry.samples.launches[i] === launch),
        markLine:
          n > 0
            ? undefined
            : {
                silent: true,
                symbol: "none",
                label: { show: false },
                lineStyle: { color: colour("text"), type: "solid", width: 1 },
                data: [{ yAxis: median / unit.factor }],
              },
      })),
    };
  };

  const trend = (place, [entry]) =>
    sequence(
      entry,
      averages(entry.samples),
      entry.kind,
      (value) => outlierClass(value, entry.estimates.outliers),
      entry.estimates.median.point,
    );

  const figure = (place, [entry]) => {
    const values = entry.samples.figures[place.dataset.figure].values;
    const sorted = [...values].sort((a, b) => a - b);
    const median = (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
    return sequence(entry, values, place.dataset.kind, () => "inside", median);
  };

  const regression = (place, [entry]) => {
    const { samples, estimates, kind } = entry;
    const most = largest(samples.iterations);
    const unit = unitOf(kind, largest(samples.totals));
    const at = (slope) => (slope * most) / unit.factor;
    const line = colour(entry.shade);
    return {
      ...base(),
      tooltip: tooltip(
        ({ data: [iterations, total] }) => `${iterations} iterations: ${format(kind, total * unit.factor)}`,
      ),
      xAxis: bottomAxis("iterations", { min: 0 }),
      yAxis: linearAxis(unit.symbol, { min: 0 }),
      series: [
        {
          type: "custom",
          silent: true,
          data: [[most, at(estimates.slope.low), at(estimates.slope.high)]],
          encode: { x: 0, y: [1, 2] },
          renderItem: (params, api) => ({
            type: "polygon",
            shape: {
              points: [
                api.coord([0, 0]),
                api.coord([api.value(0), api.value(1)]),
                api.coord([api.value(0), api.value(2)]),
              ],
            },
            style: { fill: line, opacity: 0.25 },
          }),
        },
        {
          type: "line",
          silent: true,
          showSymbol: false,
          lineStyle: { color: line, width: 2 },
          data: [
            [0, 0],
            [most, at(estimates.slope.point)],
          ],
        },
        {
          type: "scatter",
          symbolSize: 6,
          itemStyle: { color: line, opacity: 0.65 },
          data: samples.totals.map((total, i) => [samples.iterations[i], total / unit.factor]),
        },
      ],
    };
  };

  const overlay = (place, [entry]) => {
    const unit = unitOf(entry.kind, entry.estimates.median.point);
    const low = Math.min(entry.density.low, entry.before.low);
    const high = Math.max(entry.density.high, entry.before.high);
    return {
      ...base(),
      grid: { left: 12, right: 16, top: 12, bottom: 48 },
      xAxis: bottomAxis(unit.symbol, { min: low / unit.factor, max: high / unit.factor, ...quietEnds() }),
      yAxis: { type: "value", show: false },
      series: [
        area("before", entry.before, unit.factor, colour("soft"), {
          lineStyle: { color: colour("soft"), width: 2, type: "dashed" },
        }),
        area("now", entry.density, unit.factor, colour("accent")),
      ],
    };
  };

  const change = (place, [{ comparison }]) => {
    const percent = (value) => value * 100;
    const threshold = percent(comparison.noiseThreshold);
    const rows = [comparison.median, comparison.mean];
    const ends = rows.flatMap(({ low, high }) => [percent(low), percent(high)]);
    const reach = Math.max(threshold * 1.6, ...ends.map((end) => Math.abs(end) * 1.15));
    const name = { improved: "good", no_change: "even", regressed: "bad" }[comparison.verdict];
    return {
      ...base(),
      grid: { left: 8, right: 24, top: 8, bottom: 40, containLabel: true },
      tooltip: tooltip(({ data: [value] }) => `${value > 0 ? "+" : ""}${short(value)}%`),
      xAxis: bottomAxis("change in %", {
        min: -reach,
        max: reach,
        ...quietEnds(),
        splitLine: { show: true, lineStyle: { color: colour("grid") } },
      }),
      yAxis: {
        type: "category",
        data: ["median", "mean"],
        inverse: true,
        axisLabel: { color: colour("text") },
        axisLine: { show: false },
        axisTick: { show: false },
      },
      series: [
        {
          type: "scatter",
          symbolSize: 11,
          itemStyle: { color: colour(name) },
          data: rows.map(({ point }, i) => [percent(point), i]),
          markArea: {
            silent: true,
            itemStyle: { color: colour("soft"), opacity: 0.14 },
            data: [[{ xAxis: -threshold }, { xAxis: threshold }]],
          },
          markLine: verticals([{ at: 0, name: "text", type: "solid", width: 1 }]),
        },
        whiskers("interval", rows.map(({ low, high }, i) => [i, percent(low), percent(high)]), true, colour(name)),
      ],
    };
  };

  // ---- several benchmarks

  const rateOf = (entry) => {
    const { median } = entry.estimates;
    const amount = entry.samples.throughput.amount * 1e9;
    return { point: amount / median.point, low: amount / median.high, high: amount / median.low };
  };
  const asTime = { of: (entry) => entry.estimates.median, kind: (entry) => entry.kind };
  const asRate = { of: rateOf, kind: (entry) => entry.rateKind };

  const described = (entry, measure) => {
    const estimate = measure.of(entry);
    const kind = measure.kind(entry);
    return (
      `<b>${escaped(entry.samples.group)} / ${escaped(entry.samples.contender)}</b><br>` +
      `${format(kind, estimate.point)}<br>${interval(kind, estimate)}`
    );
  };

  const sizeText = (parameter) => (value) =>
    parameter.unit === "bytes" ? format("bytes", value) : short(value);

  const lines = (measure) => (place, entries, hidden) => {
    const shown = entries.filter((entry) => !hidden.has(entry.samples.contender));
    const { parameter } = entries[0].samples;
    const kind = measure.kind(entries[0]);
    const sizes = [...new Set(entries.map((entry) => entry.samples.parameter.value))].sort((a, b) => a - b);
    const range = logRange(
      (shown.length ? shown : entries).flatMap((entry) => [measure.of(entry).low, measure.of(entry).high]),
    );
    const wide = place.clientWidth > 640;
    const contenders = [...new Set(shown.map((entry) => entry.samples.contender))];
    const room = Math.min(largest(contenders.map((name) => name.length)) * 7 + 16, 170);
    const grid = { left: 78, right: wide ? room : 18, top: 14, bottom: 48 };
    const ends = contenders.map((contender) =>
      shown
        .filter((entry) => entry.samples.contender === contender)
        .reduce((a, b) => (b.samples.parameter.value > a.samples.parameter.value ? b : a)),
    );
    const height = place.clientHeight - grid.top - grid.bottom;
    return {
      ...base(),
      grid,
      tooltip: tooltip(({ data: { entry } }) => described(entry, measure)),
      xAxis: {
        // No margin behind the last size: the names of the lines stand there.
        ...logAxis([logRange(sizes)[0], sizes.at(-1) * 1.001]),
        name: parameter.name,
        nameLocation: "middle",
        nameGap: 30,
        nameTextStyle: { color: colour("soft") },
      },
      yAxis: logAxis(range),
      series: [
        gridOf("xAxis", sizes, sizeText(parameter)),
        gridOf("yAxis", logTicks(kind, ...range, 9), (value) => format(kind, value)),
        ...contenders.flatMap((contender) => {
          const points = shown
            .filter((entry) => entry.samples.contender === contender)
            .sort((a, b) => a.samples.parameter.value - b.samples.parameter.value);
          const { shade, samples } = points[0];
          return [
            {
              name: contender,
              type: "line",
              symbol: symbols[samples.role],
              symbolSize: 9,
              z: samples.role === "ours" ? Z.ours : Z.symbol,
              color: colour(shade),
              lineStyle: {
                color: colour(shade),
                width: samples.role === "ours" ? 2.5 : 1.7,
                type: samples.role === "bound" ? "dashed" : "solid",
              },
              emphasis: { focus: "series" },
              data: points.map((entry) => ({
                value: [entry.samples.parameter.value, measure.of(entry).point],
                entry,
              })),
            },
            whiskers(
              contender,
              points.map((entry) => [
                entry.samples.parameter.value,
                measure.of(entry).low,
                measure.of(entry).high,
              ]),
              false,
              colour(shade),
            ),
          ];
        }),
        ...(wide ? [names(ends, measure, range, height)] : []),
      ],
    };
  };

  /** Names at the ends of lines, moved apart where they would overlap. */
  const names = (ends, measure, [low, high], height) => {
    const lineHeight = 15;
    const labels = ends
      .map((entry) => ({
        entry,
        y: (Math.log(high / measure.of(entry).point) / Math.log(high / low)) * height,
      }))
      .sort((a, b) => a.y - b.y);
    let free = -Infinity;
    for (const label of labels) {
      label.shown = Math.max(label.y, free);
      free = label.shown + lineHeight;
    }
    free = height + lineHeight;
    for (const label of labels.reverse()) {
      label.shown = Math.min(label.shown, free - lineHeight);
      free = label.shown;
    }
    return {
      type: "scatter",
      silent: true,
      symbolSize: 1,
      tooltip: { show: false },
      data: labels.map(({ entry, y, shown }) => ({
        value: [entry.samples.parameter.value, measure.of(entry).point],
        itemStyle: { color: "transparent" },
        label: {
          show: true,
          position: "right",
          distance: 9,
          offset: [0, shown - y],
          formatter: () => entry.samples.contender,
          color: colour(entry.shade),
          width: 155,
          overflow: "truncate",
        },
      })),
    };
  };

  /** A row for each benchmark on a logarithmic axis; heads name groups. */
  const inRows = (place, rows, measure, withSamples) => {
    const entries = rows.filter((row) => row.entry).map((row) => row.entry);
    if (entries.length === 0) {
      return base();
    }
    const kind = measure.kind(entries[0]);
    const values = entries.flatMap((entry) => [
      measure.of(entry).low,
      measure.of(entry).high,
      ...(withSamples ? averages(entry.samples) : []),
    ]);
    const range = logRange(values);
    const wide = place.clientWidth > 560;
    const longest = largest(rows.map((row) => row.text.length));
    const room = wide ? Math.min(longest * 7.3 + 16, place.clientWidth * 0.35) : 4;
    const points = rows.map((row, i) => ({ ...row, i })).filter((row) => row.entry);
    const plain = (text) => text.replace(/[{}|]/g, " ");
    const grid = gridOf(
      "xAxis",
      logTicks(kind, ...range, Math.max(3, Math.floor((place.clientWidth - room) / 78))),
      (value) => format(kind, value),
      "end",
    );
    return {
      ...base(),
      grid: { left: room, right: 30, top: 6, bottom: 30 },
      tooltip: tooltip(({ data: { entry, sample } }) =>
        sample === undefined ? described(entry, measure) : `sample: ${format(kind, sample)}`,
      ),
      xAxis: logAxis(range),
      yAxis: {
        type: "category",
        inverse: true,
        data: rows.map((row) => plain(row.text)),
        axisLine: { show: false },
        axisTick: { show: false },
        axisLabel: {
          inside: !wide,
          margin: wide ? 10 : 0,
          align: wide ? "right" : "left",
          verticalAlign: wide ? "middle" : "bottom",
          padding: wide ? 0 : [0, 0, 12, 0],
          color: colour("text"),
          width: wide ? room - 14 : place.clientWidth - 40,
          overflow: "truncate",
          interval: 0,
          formatter: (text, i) => `{${rows[i].entry ? "name" : "head"}|${text}}`,
          rich: {
            name: { fontSize: 12.5, color: colour("text") },
            head: { fontSize: 12.5, fontWeight: 650, color: colour("soft") },
          },
        },
      },
      series: [
        grid,
        ...(withSamples
          ? [
              {
                type: "scatter",
                symbolSize: 5,
                z: Z.sample,
                data: points.flatMap(({ entry, i }) =>
                  averages(entry.samples).map((sample, n) => ({
                    value: [sample, i],
                    symbolOffset: [0, (((n * 7) % 11) - 5) * 1.6],
                    itemStyle: { color: colour(entry.shade), opacity: 0.3 },
                    entry,
                    sample,
                  })),
                ),
              },
            ]
          : []),
        ...points.map(({ entry, i }) =>
          whiskers("", [[i, measure.of(entry).low, measure.of(entry).high]], true, colour(withSamples ? "text" : entry.shade)),
        ),
        {
          type: "scatter",
          z: Z.symbol,
          symbolSize: 11,
          data: points.map(({ entry, i }) => ({
            value: [measure.of(entry).point, i],
            symbol: symbols[entry.samples.role],
            itemStyle: { color: colour(entry.shade), opacity: 1, borderColor: colour("card"), borderWidth: 1 },
            entry,
          })),
        },
      ],
    };
  };

  const spread = (place, entries) =>
    inRows(place, entries.map((entry) => ({ text: entry.samples.contender, entry })), asTime, true);

  const dots = (measure) => (place, entries, hidden) => {
    const rows = [];
    for (const entry of entries.filter((e) => !hidden.has(e.samples.contender))) {
      if (rows.at(-1)?.entry?.samples.group !== entry.samples.group) {
        rows.push({ text: entry.samples.group });
      }
      rows.push({ text: entry.samples.contender, entry });
    }
    return inRows(place, rows, measure, false);
  };

  const kinds = {
    mini,
    density,
    trend,
    figure,
    regression,
    overlay,
    change,
    spread,
    "lines-values": lines(asTime),
    "lines-rates": lines(asRate),
    "dots-values": dots(asTime),
    "dots-rates": dots(asRate),
  };

  return {
    option: (place, hidden) => {
      const entries = place.dataset.benchmarks.split(" ").map((index) => data.benchmarks[index]);
      return kinds[place.dataset.chart](place, entries, hidden);
    },
  };
})();
