// The browser script of Crosspoint: page views, events, identity and consent of one browser, sent to
// a running host. Without dependencies; what is served is `crosspoint.min.js`, made from this file.
//
// A message is finished, numbered and kept in localStorage before anything is sent, and is removed
// there once the host has answered that it has it. What is sent twice (by two tabs, or by a beacon
// whose answer nobody hears) has the same messageId, and the host counts it once.
//
// Nothing in here may harm the page that loads it: no call throws, and everything that a browser
// may refuse (storage, cookies, the network) is done without.
((win, doc) => {
  const VERSION = '1.0.0';
  const DAY_SECONDS = 86400;
  // The host takes 500 kB a request; the envelope needs some of it.
  const BATCH_BYTES = 490000;
  const BATCH_MESSAGES = 100;
  // Browsers keep at most 64 KiB alive for a page that goes away.
  const BEACON_BYTES = 60000;
  // What is kept for a host that cannot be reached; then the oldest goes.
  const MOST_UNSENT = 1000;
  // What is kept in memory for a person who has not decided about consent.
  const MOST_HELD = 100;
  const STATE = 'crosspoint';
  const COOKIE = 'crosspoint_id';

  const stub = win.crosspoint;
  if (stub && stub.version) return;

  const tag = doc.currentScript;
  const page = location;

  // Set by `init`: key, host, consent, manual, domain.
  let options;
  // Calls made before `init`.
  const early = (stub && stub.q) || [];
  // Messages made before a decision about consent, without any identifier.
  const held = [];
  // Messages to be sent, as [key in localStorage, JSON].
  const unsent = [];
  // What this browser is known by: anonymousId, userId, consent.
  let state = {};
  let campaign = {};
  let here = page.href;
  let from = doc.referrer;
  let timer;
  let busy;
  let failures = 0;

  const attempt = (work) => {
    try {
      return work();
    } catch (ignored) {
      return undefined;
    }
  };

  const on = (target, name, work) => target.addEventListener(name, work);

  const now = () => new Date().toISOString();

  // `randomUUID` exists on secure pages only.
  const uuid = () =>
    crypto.randomUUID
      ? crypto.randomUUID()
      : '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (digit) =>
          (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16),
        );

  const bytes = (text) => new Blob([text]).size;

  const prefix = () => `${STATE}:${options.key}:`;

  // ---- what the browser keeps

  // Reads the state anew for every call: another tab may have changed it.
  const load = () => {
    state = attempt(() => JSON.parse(localStorage.getItem(STATE))) || state;
    if (!state.anonymousId) {
      const found = attempt(() => doc.cookie.match(`(?:^|; )${COOKIE}=([^;]+)`));
      if (found) state.anonymousId = found[1];
    }
  };

  const save = () => {
    attempt(() => localStorage.setItem(STATE, JSON.stringify(state)));
    const id = state.anonymousId;
    attempt(() => {
      doc.cookie =
        `${COOKIE}=${id || ''};path=/;samesite=lax;max-age=${id ? 365 * DAY_SECONDS : 0}` +
        (options.domain ? `;domain=${options.domain}` : '') +
        (page.protocol === 'https:' ? ';secure' : '');
    });
  };

  const forget = () => {
    state = { consent: state.consent };
    save();
  };

  // Whether this person may be followed: true, false, or undefined where that is to be asked.
  const allowed = () => {
    const said = (state.consent || {}).analytics;
    return said === undefined && options.consent !== 'required' ? true : said;
  };

  // Takes over what an earlier page or another tab could not send.
  const adopt = () =>
    attempt(() =>
      Object.keys(localStorage)
        .filter((key) => key.startsWith(prefix()))
        .sort()
        .forEach((key) => unsent.push([key, localStorage.getItem(key)])),
    );

  const drop = (items) => items.forEach(([key]) => attempt(() => localStorage.removeItem(key)));

  // ---- sending

  // The first messages that fit, taken off `unsent`; at least one, if there is one.
  const take = (limit) => {
    let size = 0;
    let count = 0;
    while (count < unsent.length && count < BATCH_MESSAGES) {
      size += bytes(unsent[count][1]) + 1;
      if (count && size > limit) break;
      count++;
    }
    return unsent.splice(0, count);
  };

  const body = (items) =>
    `{"batch":[${items.map((item) => item[1])}],"sentAt":"${now()}","writeKey":${JSON.stringify(options.key)}}`;

  const url = () => `${options.host}/v1/b`;

  const flushIn = (milliseconds) => {
    clearTimeout(timer);
    timer = setTimeout(flush, milliseconds);
  };

  // A refusal is final: what the host cannot read today it cannot read tomorrow.
  const isFault = (status) => status > 499 || status === 429 || status === 408;

  const flush = () => {
    if (busy || !options || !unsent.length) return;
    busy = true;
    const items = take(BATCH_BYTES);
    const text = body(items);
    const failed = (asked) => {
      unsent.unshift(...items);
      const backoff = Math.min(60000, 1000 * 2 ** failures++) * (1 + Math.random());
      flushIn(Math.max(asked || 0, backoff / 2));
    };
    // Text without a header of ours needs no preflight.
    const sent = fetch(url(), {
      method: 'POST',
      body: text,
      credentials: 'omit',
      // What is kept alive has a quota; when in trouble, do without.
      keepalive: !failures && bytes(text) < BEACON_BYTES,
    });
    // A request whose answer is not read to its end stays in that quota.
    sent.then((answer) => answer.text().then(() => answer)).then((answer) => {
      busy = false;
      if (isFault(answer.status)) {
        const asked = answer.headers.get('retry-after');
        failed(asked * 1000 || Date.parse(asked) - Date.now());
        return;
      }
      if (!answer.ok) console.warn(`crosspoint: refused with ${answer.status}`);
      drop(items);
      failures = 0;
      flush();
    }, () => {
      busy = false;
      failed();
    });
  };

  // The page may not come back. Nobody hears the answer to a beacon, so its messages stay in
  // localStorage until a later page has sent them.
  const leave = () => {
    for (;;) {
      const items = options ? take(BEACON_BYTES) : [];
      if (!items.length) return;
      if (!attempt(() => navigator.sendBeacon(url(), body(items)))) {
        unsent.unshift(...items);
        return;
      }
    }
  };

  // ---- messages

  // Gives a message to the person known now, and keeps it.
  const put = (message) => {
    if (message.userId) {
      // Another person at the same browser.
      if (state.userId && state.userId !== message.userId) state.anonymousId = undefined;
      state.userId = message.userId;
    }
    state.anonymousId = state.anonymousId || uuid();
    save();
    message.anonymousId = state.anonymousId;
    message.userId = state.userId;
    if (state.consent) message.context.consent = { categoryPreferences: state.consent };
    const item = [`${prefix()}${message.timestamp}${message.messageId}`, JSON.stringify(message)];
    attempt(() => localStorage.setItem(item[0], item[1]));
    unsent.push(item);
    if (unsent.length > MOST_UNSENT) drop(unsent.splice(0, 1));
    // While the host is in trouble its pause counts.
    if (!failures) flushIn(200);
  };

  const message = (type, fields) => {
    new URLSearchParams(page.search).forEach((value, key) => {
      const name = key.startsWith('utm_') && key.slice(4);
      if (name) campaign = { ...campaign, [name === 'campaign' ? 'name' : name]: value };
    });
    return {
      type,
      messageId: uuid(),
      timestamp: now(),
      context: {
        library: { name: 'crosspoint.js', version: VERSION },
        page: {
          url: page.href,
          path: page.pathname,
          search: page.search,
          title: doc.title,
          referrer: from,
        },
        campaign,
        userAgent: navigator.userAgent,
        locale: navigator.language,
        timezone: attempt(() => Intl.DateTimeFormat().resolvedOptions().timeZone),
      },
      ...fields,
    };
  };

  const emit = (type, fields) => {
    load();
    const may = allowed();
    if (may) put(message(type, fields));
    else if (may === undefined && held.length < MOST_HELD) held.push(message(type, fields));
  };

  // ---- what a page can call

  const api = {
    init(wanted) {
      if (options || !wanted.key) return;
      // Without a host it is the one that served this file.
      const host = (wanted.host || tag.src.replace(/\/[^/]*$/, '')).replace(/\/$/, '');
      options = { ...wanted, host };
      load();
      if (allowed() !== undefined) adopt();
      // Consent and identity that stand in the page count for its first view.
      early.splice(0).forEach(run);
      // `data-manual` alone has the value ''.
      if (options.manual === undefined || options.manual === false) watch();
      flushIn(0);
    },

    page(name, properties) {
      if (page.href !== here) {
        from = here;
        here = page.href;
      }
      const fields = { url: page.href, path: page.pathname, title: doc.title, referrer: from };
      emit('page', { name, properties: { ...fields, ...properties } });
    },

    track(event, properties) {
      emit('track', { event, properties });
    },

    // `identify(traits)` adds traits to the person known already.
    identify(id, traits) {
      const known = typeof id !== 'object';
      emit('identify', { userId: known && id !== undefined ? String(id) : undefined, traits: known ? traits : id });
    },

    consent(preferences) {
      load();
      const before = allowed();
      state.consent = { ...state.consent, ...preferences };
      const may = allowed();
      const change = message('track', { event: 'Segment Consent Preference Updated' });
      if (may) {
        if (before === undefined) adopt();
        held.splice(0).forEach(put);
        put(change);
      } else if (may === undefined) {
        save();
      } else {
        held.splice(0);
        // The host has to hear of a withdrawal, but nobody of a person who was never followed.
        if (state.anonymousId) put(change);
        forget();
      }
    },

    reset() {
      load();
      forget();
    },

    flush,

    anonymousId() {
      load();
      return state.anonymousId;
    },

    version: VERSION,
  };

  'productViewed productAdded productRemoved cartViewed checkoutStarted orderCompleted'
    .split(' ')
    .forEach((name) => {
      const event = name[0].toUpperCase() + name.slice(1).replace(/[A-Z]/, ' $&');
      api[name] = (properties) => api.track(event, properties);
    });

  // Sends page views by itself: now, and whenever the address becomes another one.
  const watch = () => {
    const moved = () => {
      if (page.href.split('#')[0] !== here.split('#')[0]) api.page();
    };
    const { pushState } = history;
    history.pushState = function (...args) {
      pushState.apply(this, args);
      // Frameworks set the title after the address.
      setTimeout(moved);
    };
    on(win, 'popstate', moved);
    on(win, 'pageshow', (event) => event.persisted && api.page());
    // A page that is only prepared has not been seen.
    if (doc.prerendering) on(doc, 'prerenderingchange', () => api.page());
    else api.page();
  };

  const run = ([name, ...args]) => {
    if (!options && name !== 'init') return early.push([name, ...args]);
    return attempt(() => api[name](...args));
  };

  const call = (...args) => run(args);
  Object.keys(api).forEach((name) => {
    call[name] = (...args) => call(name, ...args);
  });
  call.version = VERSION;
  win.crosspoint = call;

  on(win, 'pagehide', leave);
  on(doc, 'visibilitychange', () => doc.visibilityState === 'hidden' && leave());
  on(win, 'online', () => {
    failures = 0;
    flush();
  });

  if (tag && tag.dataset.key) api.init(tag.dataset);
  else {
    const at = early.findIndex(([name]) => name === 'init');
    if (at >= 0) run(early.splice(at, 1)[0]);
  }
})(window, document);
