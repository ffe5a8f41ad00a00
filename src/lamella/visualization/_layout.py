"""Where the boxes of a directed graph stand, in layers, and how the arrows run between them.

Sugiyama, Tagawa and Toda (1981), "Methods for visual understanding of hierarchical system structures": layers by the
longest path, arrows over several layers through places kept free, an order within layers by barycentres, then positions.
"Breadth" runs along a layer, "depth" across the layers; who draws decides which is x.
"""

import itertools
import math
from dataclasses import dataclass, field

__all__ = ["Layout", "lay_out"]

Arrow = tuple[int, int]
_SWEEPS = 60


@dataclass
class Layout:
    """The result, in the unit of the sizes that were given.

    Attributes:
        breadth, depth: of the whole.
        places: the middle of each box, as (breadth, depth).
        routes: for each arrow its corners from the source on, as (breadth, depth), with only right angles.
    """

    breadth: float = 0.0
    depth: float = 0.0
    places: list[tuple[float, float]] = field(default_factory=list)
    routes: list[list[tuple[float, float]]] = field(default_factory=list)


def lay_out(
    sizes: list[tuple[float, float]],
    arrows: list[Arrow],
    ports: list[tuple[float | None, float | None]],
    gap: float = 22.0,
    channel: float = 34.0,
    track: float = 9.0,
) -> Layout:
    """Places for boxes and routes for arrows.

    Args:
        sizes: of the boxes, (breadth, depth).
        arrows: (source, target), as indices of boxes. None leads from a box to itself.
        ports: for each arrow where it leaves the source and where it reaches the target, along the breadth and counted
            from the middle of the box; None for where it suits.
        gap: the distance of boxes in a layer.
        channel: the distance of layers that one set of arrows runs between.
        track: what each further set needs.
    """
    if not sizes:
        return Layout()
    forward = [(a, b) if a < b else (b, a) for a, b in arrows]
    turned = [a > b for a, b in arrows]
    ports = [(q, p) if back else (p, q) for (p, q), back in zip(ports, turned)]
    ranks = _ranks(len(sizes), forward)
    chains, of_rank, sizes = _with_dummies(sizes, forward, ranks)
    links = [
        (a, b, k, i, len(chain) - 2)
        for k, chain in enumerate(chains)
        for i, (a, b) in enumerate(itertools.pairwise(chain))
    ]
    order = _ordered(of_rank, list(dict.fromkeys((a, b) for a, b, *_ in links)))
    offsets = _ports(order, sizes, links, ports, len(ranks))
    x = _positions(order, sizes, links, offsets, gap, len(ranks))
    _straighten(x, order, sizes, chains, gap)
    starts = [[x[a] + o, x[b] + t] for (a, b, *_), (o, t) in zip(links, offsets)]
    for start, (_a, _b, k, i, last) in zip(starts, links):
        if i == last and ports[k][1] is None and abs(start[0] - start[1]) < 6:
            start[1] = start[0]  # rather a little beside its place than with a small bend
    shift = min(x[i] - sizes[i][0] / 2 for i in range(len(x)))
    tracks, depths, layer_ends, total = _channels(order, sizes, links, starts, channel, track)
    layout = Layout(max(x[i] + sizes[i][0] / 2 for i in range(len(x))) - shift, total)
    level = {i: r for r, nodes in enumerate(order) for i in nodes}
    layout.places = [(x[i] - shift, depths[level[i]]) for i in range(len(ranks))]
    routes: list[list[tuple[float, float]]] = [[] for _ in arrows]
    for (a, b, k, i, last), (left, right), t in zip(links, starts, tracks):
        # A box ends where its own depth ends, a place kept free where its layer ends.
        begin = depths[level[a]] + sizes[a][1] / 2 if i == 0 else layer_ends[level[a]][1]
        end = depths[level[b]] - sizes[b][1] / 2 if i == last else layer_ends[level[b]][0]
        points = (
            [(left, begin), (left, t), (right, t), (right, end)]
            if abs(left - right) > 0.5
            else [(left, begin), (left, end)]
        )
        routes[k] += [(p - shift, q) for p, q in points]
    layout.routes = [_straightened(route[::-1] if back else route) for route, back in zip(routes, turned)]
    return layout


def _ranks(count: int, arrows: list[Arrow]) -> list[int]:
    """The layer of each box: as far up as its sources allow; what has no source, right above its first target."""
    ranks = [0] * count
    for target in range(count):
        ranks[target] = max((ranks[a] + 1 for a, b in arrows if b == target), default=0)
    targets: dict[int, list[int]] = {}
    for a, b in arrows:
        targets.setdefault(a, []).append(b)
    fed = {b for _, b in arrows}
    return [min(ranks[b] for b in targets[i]) - 1 if i not in fed and i in targets else ranks[i] for i in range(count)]


def _with_dummies(sizes: list, arrows: list[Arrow], ranks: list[int]) -> tuple[list[list[int]], list[list[int]], list]:
    """Each arrow as a chain of nodes in adjoining layers; the nodes of each layer; all sizes.

    Arrows from one box share the places kept free for them.
    """
    sizes = list(sizes)
    of_rank: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    for node, rank in enumerate(ranks):
        of_rank[rank].append(node)
    chains = []
    kept: dict[tuple[int, int], int] = {}
    for a, b in arrows:
        for rank in range(ranks[a] + 1, ranks[b]):
            if (a, rank) not in kept:
                kept[a, rank] = len(sizes)
                of_rank[rank].append(len(sizes))
                sizes.append((6.0, 0.0))
        chains.append([a, *(kept[a, rank] for rank in range(ranks[a] + 1, ranks[b])), b])
    return chains, of_rank, sizes


def _ordered(of_rank: list[list[int]], links: list[Arrow], sweeps: int = 8) -> list[list[int]]:
    """The layers, each in an order in which few arrows cross."""
    above: dict[int, list[int]] = {}
    below: dict[int, list[int]] = {}
    for a, b in links:
        above.setdefault(b, []).append(a)
        below.setdefault(a, []).append(b)
    order = [list(nodes) for nodes in of_rank]
    best, fewest = [list(nodes) for nodes in order], _crossings(order, below)
    for sweep in range(sweeps if fewest else 0):
        down = sweep % 2 == 0
        for r in range(len(order)) if down else reversed(range(len(order))):
            neighbours = above if down else below
            beside = r - 1 if down else r + 1
            if not 0 <= beside < len(order):
                continue
            place = {node: i for i, node in enumerate(order[beside])}
            here = {node: i for i, node in enumerate(order[r])}

            def centre(node: int, place: dict = place, here: dict = here, neighbours: dict = neighbours) -> float:
                found = [place[n] for n in neighbours.get(node, []) if n in place]
                return sum(found) / len(found) if found else here[node]

            order[r].sort(key=centre)
        crossings = _crossings(order, below)
        if crossings < fewest:
            best, fewest = [list(nodes) for nodes in order], crossings
    return best


def _crossings(order: list[list[int]], below: dict[int, list[int]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(order):
        place = {node: i for i, node in enumerate(lower)}
        ends = [place[b] for a in upper for b in sorted(below.get(a, []), key=lambda n: place.get(n, 0)) if b in place]
        total += sum(ends[i] > ends[j] for i in range(len(ends)) for j in range(i + 1, len(ends)))
    return total


def _ports(order: list, sizes: list, links: list, ports: list, boxes: int) -> list[tuple[float, float]]:
    """Where each link leaves and arrives, from the middle of its boxes.

    Arrows that arrive together stand side by side; where one of them comes straight from a box, it stands in the middle.
    """
    place = {node: i for nodes in order for i, node in enumerate(nodes)}
    arriving: dict[int, list[int]] = {}
    for n, (_a, b, k, i, last) in enumerate(links):
        if i == last and ports[k][1] is None:
            arriving.setdefault(b, []).append(n)
    arrive: dict[int, float] = {}
    for b, found in arriving.items():
        found.sort(key=lambda n: place[links[n][0]])
        direct = [i for i, n in enumerate(found) if links[n][0] < boxes]
        middle = direct[0] if len(direct) == 1 else (len(found) - 1) / 2
        reach = max(middle, len(found) - 1 - middle)
        step = min(18.0, 0.4 * sizes[b][0] / max(reach, 1))
        arrive |= {n: (i - middle) * step for i, n in enumerate(found)}
    return [
        (ports[k][0] or 0.0 if i == 0 else 0.0, arrive.get(n, ports[k][1] or 0.0 if i == last else 0.0))
        for n, (_a, _b, k, i, last) in enumerate(links)
    ]


def _positions(order: list, sizes: list, links: list, offsets: list, gap: float, boxes: int) -> list[float]:
    """The middle of each node: near the middle of what it is joined to, in order and apart.

    A box stands right under the only box that it follows, if that has no other followers. Places kept free yield to boxes.
    """
    out: dict[int, int] = {}
    into: dict[int, int] = {}
    for a, b, *_ in links:
        if a < boxes and b < boxes:
            out[a], into[b] = out.get(a, 0) + 1, into.get(b, 0) + 1
    pulls: list[list[list[tuple[int, float, float]]]] = [[[], []] for _ in sizes]  # from above, from below
    for (a, b, *_), (leave, arrive) in zip(links, offsets):
        both = a < boxes and b < boxes
        weight = (8.0 if out[a] == into[b] == 1 else 1.0) if both else 1e-4
        pulls[b][0].append((a, leave - arrive, weight))
        pulls[a][1].append((b, arrive - leave, weight))
    x = [0.0] * len(sizes)
    apart = []
    for nodes in order:
        gaps = [0.0, *((sizes[p][0] + sizes[q][0]) / 2 + gap for p, q in itertools.pairwise(nodes))]
        at = -sum(gaps) / 2
        for node, g in zip(nodes, gaps):
            at += g
            x[node] = at
        apart.append(gaps)
    rows = list(zip(order, apart))
    for sweep in range(_SWEEPS):
        sides = (0, 1) if sweep >= _SWEEPS // 3 else (sweep % 2,)
        for nodes, gaps in rows if sweep % 2 == 0 else reversed(rows):
            wanted, weights = [], []
            for node in nodes:
                near = [pull for side in sides for pull in pulls[node][side]]
                total = sum(w for *_, w in near)
                wanted.append(sum((x[n] + o) * w for n, o, w in near) / total if near else x[node])
                weights.append(max(total, 1e-4) if node < boxes else 1e-5)
            for node, place in zip(nodes, _apart(wanted, weights, gaps)):
                x[node] = place
    return x


def _straighten(x: list[float], order: list, sizes: list, chains: list[list[int]], gap: float) -> None:
    """Move the places kept free, between the boxes beside them, so that long arrows turn as rarely as can be."""
    beside = {}
    for nodes in order:
        for left, node, right in zip([None, *nodes], nodes, [*nodes[1:], None]):
            beside[node] = left, right
    settled: set[int] = set()
    for chain in sorted(chains, key=len, reverse=True):  # a shorter one from the same box is a part of a longer one
        if settled & set(chain[1:-1]):
            continue
        settled |= set(chain[1:-1])
        run: list[int] = []
        low, high = -math.inf, math.inf
        for node in [*chain[1:-1], None]:
            if node is not None:
                left, right = beside[node]
                least = -math.inf if left is None else x[left] + (sizes[left][0] + sizes[node][0]) / 2 + gap
                most = math.inf if right is None else x[right] - (sizes[right][0] + sizes[node][0]) / 2 - gap
                if max(low, least) <= min(high, most) + 1e-6:
                    run, low, high = [*run, node], max(low, least), min(high, most)
                    continue
            if run:
                ends = [x[chain[0]], x[chain[-1]]]
                wish = next((end for end in ends if low <= end <= high), sum(ends) / 2)
                for member in run:
                    x[member] = min(max(wish, low), high)
            if node is not None:
                run, low, high = [node], least, most


def _apart(wanted: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The places nearest to those wanted, in the weighted square, that keep their order and the gaps between them.

    Pool adjacent violators: Barlow, Bartholomew, Bremner and Brunk (1972), "Statistical inference under order restrictions".
    """
    sums, shifts = 0.0, []
    for g in gaps:
        sums += g
        shifts.append(sums)
    blocks: list[list[float]] = []  # (mean, weight, members)
    for value, weight, shift in zip(wanted, weights, shifts):
        blocks.append([value - shift, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            mean, w, n = blocks.pop()
            other = blocks[-1]
            other[0] = (other[0] * other[1] + mean * w) / (other[1] + w)
            other[1] += w
            other[2] += n
    means = [block[0] for block in blocks for _ in range(int(block[2]))]
    return [mean + shift for mean, shift in zip(means, shifts)]


def _channels(
    order: list, sizes: list, links: list, starts: list, channel: float, track: float
) -> tuple[list[float], list[float], list[tuple[float, float]], float]:
    """The depth at which each link runs across; the middle, and both ends, of each layer; the depth of the whole."""
    level = {i: r for r, nodes in enumerate(order) for i in nodes}
    lanes: list[dict[tuple, _Lane]] = [{} for _ in order]
    for n, ((a, *_), (left, right)) in enumerate(zip(links, starts)):
        lanes[level[a]].setdefault((a, left), _Lane(left)).add(n, right)
    tracks = [0.0] * len(links)
    depth, depths, ends = 0.0, [], []
    for r, nodes in enumerate(order):
        thick = max(sizes[i][1] for i in nodes)
        depths.append(depth + thick / 2)
        ends.append((depth, depth + thick))
        depth += thick
        if r == len(order) - 1:
            break
        numbers = _numbered([lane for lane in lanes[r].values() if lane.high - lane.low > 0.5])
        for lane, number in numbers:
            for n in lane.members:
                tracks[n] = depth + channel * 0.42 + track * number
        depth += channel + track * max((number for _, number in numbers), default=0)
    return tracks, depths, ends, depth


class _Lane:
    """The links that leave one place: they run across at one depth."""

    def __init__(self, source: float):
        self.source = self.low = self.high = source
        self.targets: list[float] = []
        self.members: list[int] = []

    def add(self, link: int, target: float) -> None:
        self.low, self.high = min(self.low, target), max(self.high, target)
        self.targets.append(target)
        self.members.append(link)

    def spans(self, place: float) -> bool:
        return self.low - 1 < place < self.high + 1

    def crossings_above(self, other: "_Lane") -> int:
        """How often lines cross when this runs across above the other."""
        return self.spans(other.source) + sum(other.spans(target) for target in self.targets)


def _numbered(lanes: list[_Lane]) -> list[tuple[_Lane, int]]:
    """Lanes with their tracks, from the upper on, so that few lines cross."""
    ordered: list[_Lane] = []
    for lane in sorted(lanes, key=lambda one: one.low):
        costs = [
            sum(one.crossings_above(lane) for one in ordered[:at]) + sum(lane.crossings_above(o) for o in ordered[at:])
            for at in range(len(ordered) + 1)
        ]
        ordered.insert(costs.index(min(costs)), lane)
    numbered: list[tuple[_Lane, int]] = []
    for lane in ordered:
        met = [number + 1 for one, number in numbered if one.low - 4 < lane.high and lane.low - 4 < one.high]
        numbered.append((lane, max(met, default=0)))
    return numbered


def _straightened(route: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Without corners that do not turn."""
    out: list[tuple[float, float]] = []
    for point in route:
        if out and abs(point[0] - out[-1][0]) < 0.5 and abs(point[1] - out[-1][1]) < 0.5:
            continue
        while len(out) > 1 and (
            abs(out[-2][0] - out[-1][0]) < 0.5 > abs(out[-1][0] - point[0])
            or abs(out[-2][1] - out[-1][1]) < 0.5 > abs(out[-1][1] - point[1])
        ):
            out.pop()
        out.append(point)
    return out
