"""The outcome as a table for the terminal and as a page for the browser."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from pathlib import Path

from tensorbridge.demo.adapter import AdapterMeasure
from tensorbridge.demo.measures import LayerMeasure, Way

_WORST_LAYERS = 8
_STYLE = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6675; --line: #d9dee6;
  --page: #ffffff; --batch: #0b7285; --legacy: #c2571a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa6b5; --line: #333c49;
  --page: #14181f; --batch: #3bc9db; --legacy: #ff922b; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p { color: var(--soft); } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
svg .soft { fill: var(--soft); } svg .grid { stroke: var(--line); }
.batch { fill: var(--batch); } .legacy { fill: var(--legacy); }
.key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .3em; }
"""


@dataclass(frozen=True)
class Outcome:
    """Everything that the report shows.

    Attributes
    ----------
    model : Path
        The checkpoint.
    scheme : str
        The quantization scheme.
    first, batch, legacy : Way
        Totals: of a batch in a server that has just started, of the same again, and of the legacy
        way on the sampled layers.
    layers : list of LayerMeasure
        The sampled layers.
    adapter : AdapterMeasure or None
        What a LoRA took, if the model has weights for one.
    command : tuple of (Path, float) or None
        The file that the command line wrote, and the seconds of its whole process.
    machine : str
        What it ran on.
    """

    model: Path
    scheme: str
    first: Way
    batch: Way
    legacy: Way
    layers: list[LayerMeasure]
    adapter: AdapterMeasure | None
    command: tuple[Path, float] | None
    machine: str

    @property
    def speedup(self) -> float:
        """How many times faster a batch handles a byte than the legacy way."""
        if not self.legacy.gigabytes_per_second:
            return math.nan
        return self.batch.gigabytes_per_second / self.legacy.gigabytes_per_second

    @property
    def lowest_sqnr(self) -> float:
        """The worst sampled layer in dB."""
        return min((layer.sqnr for layer in self.layers), default=math.nan)


def size(count: float) -> str:
    """Bytes for people: ``1.4 GB``, ``383 MB``, ``12 kB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} {unit}" if count >= 100 or unit == "B" else f"{count:.1f} {unit}"


def duration(seconds: float) -> str:
    """Seconds for people: ``1.32 s``, ``4.1 ms``, ``310 us``."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.0f} us"


def _rows(outcome: Outcome) -> list[tuple[str, ...]]:
    legacy, first, batch = outcome.legacy, outcome.first, outcome.batch
    sqnr = f"{outcome.lowest_sqnr:.1f} dB"
    return [
        ("layers", f"{legacy.layers} (sample)", str(first.layers), str(batch.layers)),
        ("bytes in", *(size(way.input_bytes) for way in (legacy, first, batch))),
        ("bytes out", *(size(way.output_bytes) for way in (legacy, first, batch))),
        ("time", *(duration(way.seconds) for way in (legacy, first, batch))),
        ("GB/s", *(f"{way.gigabytes_per_second:.3g}" for way in (legacy, first, batch))),
        ("outside the kernels", "", f"{first.overhead:.1%}", f"{batch.overhead:.1%}"),
        ("SQNR, lowest", sqnr, sqnr, sqnr),
    ]


def table(outcome: Outcome) -> str:
    """Lay out the table that the terminal shows.

    Parameters
    ----------
    outcome : Outcome
        What was measured.

    Returns
    -------
    str
        Lines without a trailing line feed.
    """
    lines = [f"{'':20}{'legacy, per layer':>20}{'batch, at first':>18}{'batch, warm':>16}"]
    lines += [f"{name:20}{a:>20}{b:>18}{c:>16}" for name, a, b, c in _rows(outcome)]
    lines.append(f"{'warm : legacy':20}{'':>20}{'':>18}{outcome.speedup:>15.0f}x")
    return "\n".join(lines)


def adapter_line(adapter: AdapterMeasure) -> str:
    """Tell in two lines what an adapter took."""
    return (
        f"LoRA of {len(adapter.layers)} weights ({size(adapter.input_bytes)}), merged and quantized"
        f" anew: {duration(adapter.apply_seconds)}; removed: {duration(adapter.remove_seconds)}\n"
        f"of its effect survives quantization: {adapter.survival:.1%}"
    )


def write_html(path: Path, outcome: Outcome) -> None:
    """Write the report as one self-contained page.

    Parameters
    ----------
    path : Path
        Where the page shall stand.
    outcome : Outcome
        What was measured.
    """
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in _rows(outcome)
    )
    same = all(layer.identical for layer in outcome.layers)
    command = ""
    if outcome.command is not None:
        file, seconds = outcome.command
        command = (
            f"<p>From the command line, as a whole cold process: "
            f"<b>{duration(seconds)}</b> for {html.escape(file.name)}.</p>"
        )
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tensorbridge: {html.escape(outcome.model.name)} to {html.escape(outcome.scheme)}</title>
<style>{_STYLE}</style></head><body>
<h1>{html.escape(outcome.model.name)} &rarr; {html.escape(outcome.scheme)}</h1>
<p>{html.escape(outcome.machine)}</p>
<div class="wide"><table>
<tr><th></th><th>legacy, per layer</th><th>batch, at first</th><th>batch, warm</th></tr>
{rows}</table></div>
<p>A byte goes <b>{outcome.speedup:.0f} times</b> faster through a warm batch call.
Both ways gave {"the same" if same else "DIFFERENT"} bytes on every sampled layer.</p>{command}
<h2>Time of a call against the size of the layer</h2>
<p><span class="key" style="background:var(--legacy)"></span>legacy: lists through a socket
&nbsp; <span class="key" style="background:var(--batch)"></span>batch: shared memory.
Both axes are logarithmic.</p>
{_scatter(outcome.layers)}
<h2>The sampled layers</h2>
<div class="wide"><table><tr><th>layer</th><th>shape</th><th>legacy</th><th>batch</th>
<th>SQNR</th></tr>{_layer_rows(outcome.layers)}</table></div>
{"" if outcome.adapter is None else _adapter_section(outcome.adapter)}
<p>At first: in a server that has just started and compiles its kernels meanwhile, into fresh
memory. Time of the batch: from the call until the result can be read, the tensors standing in
shared memory. Outside the kernels: the share of that time that the server did not spend on items.
Legacy: <code>tolist</code>, <code>struct.pack</code>, a Unix socket, <code>float[]</code>, the same
kernel, and the answer as a list.</p>
</body></html>
"""
    path.write_text(page, encoding="utf-8")


def _adapter_section(adapter: AdapterMeasure) -> str:
    worst = sorted(adapter.layers.items(), key=lambda entry: entry[1])[:_WORST_LAYERS]
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{share:.1%}</td>"
        f'<td><svg viewBox="0 0 100 10" style="width:12rem" role="img" aria-label="{share:.0%}">'
        f'<rect class="batch" width="{100 * share:.1f}" height="10"/></svg></td></tr>'
        for name, share in worst
    )
    return f"""<h2>A LoRA adapter comes and goes</h2>
<p>{html.escape(adapter.path.name)} at strength {adapter.scale:g} changes {len(adapter.layers)}
weights ({size(adapter.input_bytes)}): merged in float32 and quantized anew in
<b>{duration(adapter.apply_seconds)}</b>, removed in <b>{duration(adapter.remove_seconds)}</b>,
{"with" if adapter.restored else "WITHOUT"} the earlier bytes afterwards. Of its effect
<b>{adapter.survival:.1%}</b> survives quantization, by the norms of the error and of the change.
Where the least does:</p>
<div class="wide"><table><tr><th>tensor</th><th>survives</th><th></th></tr>{rows}</table></div>"""


def _layer_rows(layers: list[LayerMeasure]) -> str:
    return "".join(
        f"<tr><td>{html.escape(layer.name)}</td><td>{' &times; '.join(map(str, layer.shape))}</td>"
        f"<td>{duration(layer.legacy_seconds)}</td><td>{duration(layer.batch_seconds)}</td>"
        f"<td>{layer.sqnr:.1f} dB</td></tr>"
        for layer in layers
    )


def _scatter(layers: list[LayerMeasure]) -> str:
    if not layers:
        return ""
    width, height, left, bottom = 720, 320, 64, 36
    sizes = [math.log10(layer.input_bytes) for layer in layers]
    times = [math.log10(t) for layer in layers for t in (layer.legacy_seconds, layer.batch_seconds)]
    x_low, x_high = math.floor(min(sizes)), math.ceil(max(sizes) + 1e-9)
    y_low, y_high = math.floor(min(times)), math.ceil(max(times) + 1e-9)

    def x(value: float) -> float:
        return left + (value - x_low) / (x_high - x_low) * (width - left - 16)

    def y(value: float) -> float:
        return height - bottom - (value - y_low) / (y_high - y_low) * (height - bottom - 16)

    parts = []
    for decade in range(y_low, y_high + 1):
        parts.append(
            f'<line class="grid" x1="{left}" x2="{width - 16}" y1="{y(decade):.1f}"'
            f' y2="{y(decade):.1f}"/><text class="soft" x="{left - 8}" y="{y(decade) + 4:.1f}"'
            f' text-anchor="end">{duration(10.0**decade)}</text>'
        )
    for decade in range(x_low, x_high + 1):
        parts.append(
            f'<text class="soft" x="{x(decade):.1f}" y="{height - 12}"'
            f' text-anchor="{"end" if decade == x_high else "middle"}">{size(10.0**decade)}</text>'
        )
    for layer, log_size in zip(layers, sizes, strict=True):
        for kind, seconds in (("legacy", layer.legacy_seconds), ("batch", layer.batch_seconds)):
            parts.append(
                f'<circle class="{kind}" cx="{x(log_size):.1f}" cy="{y(math.log10(seconds)):.1f}"'
                f' r="5"><title>{html.escape(layer.name)}: {duration(seconds)}</title></circle>'
            )
    label = "time of a call against the size of the layer, legacy and batch"
    head = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
    return head + "".join(parts) + "</svg>"
