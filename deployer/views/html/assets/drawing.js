"use strict";
// Draws each graph of the page. The positions are dagre's; what is drawn comes from the attribute data-graph, and
// reaches the page as text and numbers only.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const MARKS = { added: "+ ", removed: "\u2212 ", renamed: "\u2192 ", changed: "~ " };
  const LONGEST = 40;
  const SMALL = 36; // steps that may fit beside each other
  const LEGIBLE = 0.8; // of its full size
  const SMALLEST = 0.55;
  let drawings = 0;

  const make = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const short = (text) => (text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}\u2026` : text);
  // Letters of other scripts may be twice as wide.
  const width = (text, each) => [...text].reduce((sum, letter) => sum + (letter > "\u02ff" ? 2 : 1) * each, 0);

  const asNode = ([name, note, former, kind, state]) => {
    const title = (MARKS[state] || "") + short(name);
    const below = short([former && `was ${former}`, note].filter(Boolean).join(", "));
    const full = [name, former && `was ${former}`, note, state !== "same" && state].filter(Boolean).join(", ");
    const wide = Math.max(width(title, 7.9), width(below, 6.2)) + 26 + (kind === "switch" ? 16 : 0);
    return { title, below, full, kind, state, width: Math.max(wide, 56), height: below ? 44 : 30 };
  };

  // The steps of a foreach lie in a region of their own.
  const REGION = "region ";
  const addRegions = (laid, graph) => {
    for (const around of new Set(graph.nodes.map((node) => node[5]))) if (around !== null) laid.setNode(REGION + around, {});
    graph.nodes.forEach(([, , , , , around], number) => {
      if (around === null) return;
      laid.setParent(String(number), REGION + around);
      if (laid.hasNode(REGION + number)) laid.setParent(REGION + number, REGION + around);
    });
  };

  const layout = (graph, direction) => {
    const laid = new dagre.graphlib.Graph({ compound: true, multigraph: true });
    const across = direction === "LR";
    laid.setGraph({ rankdir: direction, nodesep: across ? 18 : 22, ranksep: across ? 34 : 36, marginx: 10, marginy: 10 });
    graph.nodes.forEach((node, number) => laid.setNode(String(number), asNode(node)));
    graph.edges.forEach(([from, to, label, state, loops], number) => {
      const shown = short(label);
      const size = shown ? { width: width(shown, 6.2) + 8, height: 16, labelpos: "c" } : {};
      laid.setEdge(String(from), String(to), { ...size, label: shown, state, loops }, String(number));
    });
    addRegions(laid, graph);
    dagre.layout(laid);
    return laid;
  };

  const route = (points) => {
    const at = (point) => `${point.x.toFixed(1)} ${point.y.toFixed(1)}`;
    const middle = (a, b) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
    let path = `M${at(points[0])}`;
    for (let i = 1; i + 1 < points.length; i++) {
      const end = i + 2 < points.length ? middle(points[i], points[i + 1]) : points[i + 1];
      path += `Q${at(points[i])} ${at(end)}`;
    }
    return points.length > 2 ? path : `${path}L${at(points[points.length - 1])}`;
  };

  const shape = (node, kind, open) => {
    const { width: w, height: h } = node;
    const left = node.x - w / 2;
    const top = node.y - h / 2;
    if (kind === "switch") {
      const corners = [[left, node.y], [left + 12, top], [left + w - 12, top], [left + w, node.y], [left + w - 12, top + h], [left + 12, top + h]];
      return [make("polygon", { points: corners.map((corner) => corner.join(",")).join(" ") })];
    }
    const box = (by) => make("rect", { x: left + by, y: top + by, width: w, height: h, rx: open ? h / 2 : 5 });
    return kind === "foreach" ? [box(4), box(0)] : [box(0)];
  };

  const drawRegion = ({ x, y, width: w, height: h }) => make("rect", { class: "region", x: x - w / 2, y: y - h / 2, width: w, height: h, rx: 8 });

  const drawNode = (laid, id) => {
    const node = laid.node(id);
    const ends = !laid.inEdges(id).length || !laid.outEdges(id).length;
    const group = make("g", { class: `node ${node.kind} ${node.state}` });
    group.append(make("title", {}, node.full), ...shape(node, node.kind, ends && node.kind !== "foreach"));
    group.append(make("text", { x: node.x, y: node.y + (node.below ? -3 : 4.5), class: "name" }, node.title));
    if (node.below) group.append(make("text", { x: node.x, y: node.y + 13, class: "note" }, node.below));
    return group;
  };

  const drawEdge = (laid, id, prefix) => {
    const edge = laid.edge(id);
    const group = make("g", { class: `edge ${edge.state}${edge.loops ? " loops" : ""}` });
    group.append(make("path", { d: route(edge.points), "marker-end": `url(#${prefix}-${edge.state})` }));
    if (edge.label) group.append(make("text", { x: edge.x, y: edge.y + 4 }, edge.label));
    return group;
  };

  const arrow = (id, state) => {
    const marker = make("marker", { id, class: `arrow ${state}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse", markerUnits: "userSpaceOnUse" });
    marker.append(make("path", { d: "M0 0L8 4L0 8z" }));
    return marker;
  };

  const draw = (graph) => {
    const room = document.querySelector("main").clientWidth - 60;
    let laid = layout(graph, graph.nodes.length > SMALL || room < 500 ? "TB" : "LR");
    if (laid.graph().width * LEGIBLE > room && laid.graph().rankdir === "LR") laid = layout(graph, "TB");
    const { width: w, height: h } = laid.graph();
    const prefix = `drawing-${++drawings}`;
    const svg = make("svg", { role: "img", "aria-labelledby": `${prefix}-title ${prefix}-desc`, viewBox: `0 0 ${Math.ceil(w)} ${Math.ceil(h)}`, width: Math.ceil(w), height: Math.ceil(h) });
    const defs = make("defs", {});
    for (const state of ["same", "added", "removed"]) defs.append(arrow(`${prefix}-${state}`, state));
    svg.append(make("title", { id: `${prefix}-title` }, graph.title), make("desc", { id: `${prefix}-desc` }, graph.summary), defs);
    const ids = laid.nodes();
    const regions = ids.filter((id) => id.startsWith(REGION)).map((id) => laid.node(id));
    // The outer ones below the inner ones.
    regions.sort((one, other) => other.width * other.height - one.width * one.height);
    for (const region of regions) svg.append(drawRegion(region));
    for (const id of laid.edges()) svg.append(drawEdge(laid, id, prefix));
    for (const id of ids) if (!id.startsWith(REGION)) svg.append(drawNode(laid, id));
    return svg;
  };

  const tools = (svg, around, title) => {
    const size = svg.viewBox.baseVal;
    const bar = document.createElement("div");
    bar.className = "flow-tools";
    const resize = (factor) => {
      const x = (around.scrollLeft + around.clientWidth / 2) / svg.clientWidth;
      const y = (around.scrollTop + around.clientHeight / 2) / svg.clientHeight;
      const wide = Math.min(Math.max(factor * size.width, 120), 3 * size.width);
      svg.setAttribute("width", wide);
      svg.setAttribute("height", (wide * size.height) / size.width);
      around.scrollTo(x * wide - around.clientWidth / 2, (y * wide * size.height) / size.width - around.clientHeight / 2);
    };
    const now = () => svg.getAttribute("width") / size.width;
    const add = (text, name, act) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.setAttribute("aria-label", `${name}: ${title}`);
      button.addEventListener("click", act);
      bar.append(button);
    };
    add("+", "Larger", () => resize(now() * 1.3));
    add("\u2212", "Smaller", () => resize(now() / 1.3));
    add("1:1", "Full size", () => resize(1));
    add("Fit", "Fit the whole drawing", () => resize(Math.min(1, (around.clientWidth - 4) / size.width, (around.clientHeight - 4) / size.height)));
    return bar;
  };

  const show = (around) => {
    const graph = JSON.parse(around.dataset.graph);
    around.removeAttribute("data-graph");
    if (!graph.nodes.length) return;
    const svg = draw(graph);
    around.append(svg);
    around.hidden = false;
    around.tabIndex = 0;
    around.setAttribute("role", "group");
    around.setAttribute("aria-label", graph.title);
    const room = document.querySelector("main").clientWidth - 60;
    const size = svg.viewBox.baseVal;
    // As much of it as can still be read.
    const scale = Math.min(1, Math.max(SMALLEST, room / size.width));
    svg.setAttribute("width", size.width * scale);
    svg.setAttribute("height", size.height * scale);
    if (scale < LEGIBLE || size.height > 560) {
      around.classList.add("large");
      around.before(tools(svg, around, graph.title));
    }
  };

  // The first step of a large drawing is in the middle of its upper edge.
  const centre = (around) => { around.scrollLeft = (around.scrollWidth - around.clientWidth) / 2; };
  const tableOf = (around) => around.closest("figure").querySelector("details");
  const drawIn = (around) => {
    show(around);
    centre(around);
    tableOf(around).open = false;
  };
  const folded = (around) => around.closest("details:not([open])");
  const all = () => [...document.querySelectorAll("[data-graph]")];
  // One after the other, so that a page with hundreds of them can be read and searched meanwhile. What is folded is
  // drawn when it is opened.
  const waiting = all().filter((around) => !folded(around));
  const some = () => {
    const until = performance.now() + 30;
    while (waiting.length) {
      const around = waiting.shift();
      if (around.dataset.graph) drawIn(around);
      if (performance.now() > until) return void setTimeout(some);
    }
    document.documentElement.dataset.drawn = "all";
  };
  document.addEventListener("toggle", (event) => {
    if (!event.target.open) return;
    for (const around of event.target.querySelectorAll("[data-graph]")) if (!folded(around)) drawIn(around);
  }, true);
  let printed = [];
  window.addEventListener("beforeprint", () => {
    printed = all();
    for (const around of printed) {
      drawIn(around);
      tableOf(around).open = true;
    }
  });
  window.addEventListener("afterprint", () => {
    for (const around of printed) tableOf(around).open = false;
  });
  some();
})();
