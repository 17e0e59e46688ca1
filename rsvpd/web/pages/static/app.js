// What the page gains with JavaScript: it follows what happens, and takes a token from its address.
"use strict";

const WAIT = 400; // ms; many answers at once are one look
const REST = 4; // times as long as the last look took passes before the next, so that looking is never all there is
const AGAIN = 10000; // ms; until a server that would not let us listen is asked again

// `/login#TOKEN`: what is behind the # never leaves the browser by itself.
const token = document.getElementById("token");
if (token && location.hash.length > 1) {
  token.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

// What was done is said once.
const here = new URL(location);
if (here.searchParams.has("done")) {
  here.searchParams.delete("done");
  history.replaceState(null, "", here);
}

const place = document.body.dataset.live;
if (place !== undefined) follow(place, document.body.dataset.uid);

function follow(place, uid) {
  const news = document.getElementById("news");
  let source, clearing, pause = WAIT, waiting = false, more = false;

  function heard(event) {
    const change = JSON.parse(event.data);
    place = event.lastEventId;
    if (uid && change.uid && change.uid !== uid) return;
    if (change.kind === "attendee.answered") say(`${change.attendee}: ${change.partstat.toLowerCase().replace("needs-action", "no answer yet")}`);
    soon();
  }

  function soon() {
    more = true;
    if (waiting) return;
    waiting = true;
    setTimeout(async () => {
      more = false;
      const began = performance.now();
      await look().catch(() => {}); // the server is away; the stream says when it is back
      pause = Math.max(WAIT, REST * (performance.now() - began));
      waiting = false;
      if (more) soon();
    }, pause);
  }

  function say(words) {
    news.textContent = words;
    clearTimeout(clearing);
    clearing = setTimeout(() => { news.textContent = ""; }, 6000);
  }

  async function look() {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.reload();
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-part]")) replace(part, fresh.getElementById(part.id));
  }

  // Nobody loses what they are writing, where they are, or what they have opened.
  function replace(part, other) {
    if (!other || part.innerHTML === other.innerHTML) return;
    if (part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) {
      document.activeElement.addEventListener("blur", soon, { once: true });
      return;
    }
    const focused = part.contains(document.activeElement) ? path(document.activeElement, part) : null;
    for (const one of part.querySelectorAll("details[id]")) {
      const same = other.querySelector(`#${one.id}`);
      if (same) same.open = one.open;
    }
    part.replaceChildren(...other.childNodes);
    if (focused) focused.reduce((node, number) => node && node.children[number], part)?.focus();
  }

  function path(element, root) {
    const numbers = [];
    for (let node = element; node !== root; node = node.parentElement) {
      numbers.unshift([...node.parentElement.children].indexOf(node));
    }
    return numbers;
  }

  const kinds = [
    "meeting.created", "meeting.updated", "meeting.cancelled", "meeting.deleted",
    "attendee.added", "attendee.removed", "attendee.answered", "attendee.updated", "attendee.delivery",
    "occurrence.answered", "reply.recorded", "reply.settled",
    "proposal.made", "proposal.accepted", "proposal.declined", "proposal.overtaken", "proposal.updated",
  ];
  // A browser has few connections to one server; a page that nobody sees needs none.
  function listen() {
    source?.close();
    if (document.hidden) return;
    source = new EventSource(`/events?after=${place}`);
    for (const kind of kinds) source.addEventListener(kind, heard);
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return; // it comes back by itself
      soon(); // which leads to the sign-in if that is why
      setTimeout(listen, AGAIN);
    };
  }

  listen();
  document.addEventListener("visibilitychange", listen);
  addEventListener("pagehide", () => source?.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}
