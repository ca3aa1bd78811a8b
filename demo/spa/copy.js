// The page's texts in English and Korean.

const COPY = {
  en: {
    title: "Munjigi · demo frontend",
    tagline: "A frontend on its own origin",
    theirs: "API",
    ours: "This page",
    switch: "한국어",
    sign_in: "Sign in",
    sign_in_lead: "One request returns both tokens: the access token in the answer, the refresh token in an HttpOnly cookie.",
    email: "Email",
    password: "Password",
    code: "Code of your app, or a recovery code",
    second_step: "The password is right. This account has a second step.",
    passkey: "Sign in with a passkey",
    passkey_step: "Use your passkey",
    passkey_asked: "Your browser asks for your passkey…",
    passkey_closed: "No passkey was used. Try again, or sign in with your password.",
    signing_in: "Signing in…",
    signed_in_as: "Signed in as",
    call_me: "Call /api/me/",
    refresh: "Refresh",
    sign_out: "Sign out",
    token: "Access token",
    token_lead: "The token is in memory only, and this page's tabs share it. The page decodes it to show it; only the API verifies it.",
    expires_in: "Expires in {time}",
    expired: "Expired. The next call refreshes it.",
    devices: "Signed-in devices",
    no_devices: "None.",
    this_device: "This device",
    browser: "Browser",
    api: "API",
    last_seen: "last seen {when}",
    unknown_client: "Unknown client",
    log: "Requests and tabs",
    log_empty: "Nothing yet.",
    preflighted: "preflight for {what}",
    simple: "no preflight",
    blocked: "no readable answer",
    this_tab: "This is tab {tab}.",
    this_tab_signed_in: "This tab signed in and sent its access token to the other tabs.",
    this_tab_refreshed: "This tab refreshed and sent the new access token to the other tabs.",
    other_tab_signed_in: "Tab {tab} signed in. This tab uses its access token too.",
    other_tab_refreshed: "Tab {tab} refreshed. This tab uses its new access token too.",
    other_tab_handed_over: "Tab {tab} handed its access token over. No refresh needed.",
    ok_signed_in: "Signed in. The refresh token is in a cookie that no script can read, and the access token is in memory only. You stay signed in after a reload.",
    ok_restored: "Still signed in.",
    ok_followed: "Signed in, as in your other tab.",
    restoring: "Looking for a sign-in…",
    ok_refreshed: "Refreshed. The access token is new, and the cookie is up to date.",
    ok_called: "GET /api/me/ answered.",
    ok_signed_out: "Signed out. The API has revoked this sign-in.",
    not_signed_out: "You are still signed in. The sign-out did not reach the API, so the cookie is still valid. {reason}",
    network_error: "The API does not answer, or it refuses this origin (CORS). The browser does not tell a page the reason.",
    unreadable_answer: "The answer was not JSON.",
    http_error: "The API answered with status {status}.",
    retry_after: "Try again in {time}.",
    ended_elsewhere: "Signed out. This sign-in has ended in another tab or on another device.",
    ended_expired: "This sign-in has expired. Sign in again.",
    ended_lost: "The connection broke while your sign-in was being renewed. Sorry! Please sign in again.",
    ended_reused: "This sign-in was used in two places, so it was ended for your safety. Sign in again and look at your signed-in devices.",
    no_config: "config.json could not be read. Is the demo frontend still running?",
    field_display_name: "Name",
    field_locale: "Language",
    field_date_joined: "Joined",
    field_id: "ID",
  },
  ko: {
    title: "문지기 · 데모 프런트엔드",
    tagline: "다른 출처(origin)에서 도는 프런트엔드",
    theirs: "API",
    ours: "이 페이지",
    switch: "English",
    sign_in: "로그인",
    sign_in_lead: "요청 한 번으로 액세스 토큰은 응답으로, 리프레시 토큰은 HttpOnly 쿠키로 받습니다.",
    email: "이메일",
    password: "비밀번호",
    code: "인증 앱의 코드 또는 복구 코드",
    second_step: "비밀번호가 맞습니다. 이 계정은 2단계 인증을 사용합니다.",
    passkey: "패스키로 로그인",
    passkey_step: "패스키 사용",
    passkey_asked: "브라우저에서 패스키를 선택해 주세요…",
    passkey_closed: "패스키를 사용하지 않았습니다. 다시 시도하거나 비밀번호로 로그인해 주세요.",
    signing_in: "로그인하는 중…",
    signed_in_as: "로그인한 사용자",
    call_me: "/api/me/ 호출",
    refresh: "토큰 갱신",
    sign_out: "로그아웃",
    token: "액세스 토큰",
    token_lead: "메모리에만 있고 이 페이지의 탭끼리 나눠 씁니다. 보여 주기 위해 풀어 본 것이며, 검증은 API만 합니다.",
    expires_in: "{time} 후 만료",
    expired: "만료되었습니다. 다음 호출 때 갱신합니다.",
    devices: "로그인된 기기",
    no_devices: "없습니다.",
    this_device: "현재 기기",
    browser: "브라우저",
    api: "API",
    last_seen: "마지막 사용 {when}",
    unknown_client: "알 수 없는 기기",
    log: "요청과 탭 기록",
    log_empty: "아직 기록이 없습니다.",
    preflighted: "사전 요청: {what}",
    simple: "사전 요청 없음",
    blocked: "응답을 읽을 수 없음",
    this_tab: "이 탭의 이름은 {tab}입니다.",
    this_tab_signed_in: "이 탭에서 로그인해 액세스 토큰을 다른 탭에도 건넸습니다.",
    this_tab_refreshed: "이 탭에서 갱신해 새 액세스 토큰을 다른 탭에도 건넸습니다.",
    other_tab_signed_in: "{tab} 탭에서 로그인했습니다. 그 액세스 토큰을 이 탭에서도 씁니다.",
    other_tab_refreshed: "{tab} 탭에서 갱신했습니다. 새 액세스 토큰을 이 탭에서도 씁니다.",
    other_tab_handed_over: "{tab} 탭에서 액세스 토큰을 건네받았습니다. 갱신할 필요가 없습니다.",
    ok_signed_in: "로그인했습니다. 리프레시 토큰은 스크립트가 읽을 수 없는 쿠키에, 액세스 토큰은 메모리에만 있습니다. 새로 고쳐도 로그인이 유지됩니다.",
    ok_restored: "로그인이 유지되고 있습니다.",
    ok_followed: "다른 탭에서 로그인해 이 탭도 로그인되었습니다.",
    restoring: "로그인되어 있는지 확인하는 중…",
    ok_refreshed: "갱신했습니다. 액세스 토큰이 새로 발급되었고 쿠키도 최신입니다.",
    ok_called: "GET /api/me/ 응답을 받았습니다.",
    ok_signed_out: "로그아웃했습니다. API에서도 이 로그인을 폐기했습니다.",
    not_signed_out: "로그아웃하지 못했습니다. API에 알리지 못해 쿠키가 남아 있습니다. {reason}",
    network_error: "API에 연결할 수 없거나, API가 이 출처를 거부합니다(CORS). 어느 쪽인지 브라우저는 알려 주지 않습니다.",
    unreadable_answer: "응답이 JSON이 아닙니다.",
    http_error: "API가 상태 코드 {status}로 응답했습니다.",
    retry_after: "{time} 후에 다시 시도해 주세요.",
    ended_elsewhere: "다른 탭이나 다른 기기에서 이 로그인을 종료해 로그아웃되었습니다.",
    ended_expired: "로그인이 만료되었습니다. 다시 로그인해 주세요.",
    ended_lost: "로그인을 연장하는 중에 연결이 끊겼습니다. 죄송하지만 다시 로그인해 주세요.",
    ended_reused: "이 로그인이 두 곳에서 사용되어 안전을 위해 종료했습니다. 다시 로그인한 뒤 로그인된 기기를 확인해 주세요.",
    no_config: "config.json을 읽을 수 없습니다. 데모 프런트엔드가 실행 중인지 확인해 주세요.",
    field_display_name: "이름",
    field_locale: "언어",
    field_date_joined: "가입일",
    field_id: "ID",
  },
};

export let language = navigator.language.toLowerCase().startsWith("ko") ? "ko" : "en";

export function toggleLanguage() {
  language = language === "ko" ? "en" : "ko";
}

export function say(key, values = {}) {
  return COPY[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

export function duration(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const parts = [[Math.floor(whole / 3600), "hour"], [Math.floor(whole / 60) % 60, "minute"], [whole % 60, "second"]];
  const shown = parts.filter(([amount]) => amount > 0);
  return (shown.length ? shown : [[0, "second"]])
    .map(([amount, unit]) => new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(amount))
    .join(" ");
}

/** Return a time relative to now, such as "3 minutes ago". */
export function ago(iso) {
  const seconds = (new Date(iso) - Date.now()) / 1000;
  if (Number.isNaN(seconds)) return "";
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= size) return format.format(Math.round(seconds / size), unit);
  }
  return format.format(Math.round(seconds), "second");
}

export function date(iso) {
  const value = new Date(iso);
  return Number.isNaN(value.valueOf()) ? String(iso) : new Intl.DateTimeFormat(language, { dateStyle: "long" }).format(value);
}
