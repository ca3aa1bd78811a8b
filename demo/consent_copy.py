"""Hold the texts of the stand-ins' pages.

A provider's texts (`en-google`) come on top of those of its language (`en`).
"""

COPY: dict[str, dict[str, str]] = {
    "en": {
        "title": "Choose a demo identity",
        "heading": "Who is signing in?",
        "receives": "will receive this person's name and email address.",
        "other": "Somebody else",
        "name": "Name",
        "email": "Email",
        "continue": "Continue",
        "cancel": "Cancel",
        "correct": "Choose one of the people, or type a valid name and email address.",
        "not_verified": "email not verified",
        "not_shared": "shares no email",
        "error_title": "This request can't continue",
        "client_id": "No client is registered under this client_id. Compare it with --client-id.",
        "redirect_uri": "This redirect_uri is not registered. It must be the same as --redirect-uri, character for character.",
        "consent_over": "You have answered this page already, or it is too old. Go back to the site and start again.",
        "unreadable": "The request is not form-encoded UTF-8 text.",
        "method": "This address does not support that method.",
        "not_found": "There is nothing at this address. To come here as a visitor does, click this "
        "provider's button on the sign-in page of the site.",
    },
    "ko": {
        "title": "데모 사용자 선택",
        "heading": "누구로 로그인할까요?",
        "receives": "에 이 사람의 이름과 이메일을 전달합니다.",
        "other": "직접 입력",
        "name": "이름",
        "email": "이메일",
        "continue": "계속하기",
        "cancel": "취소",
        "correct": "목록에서 고르거나, 올바른 이름과 이메일을 입력해 주세요.",
        "not_verified": "이메일 미인증",
        "not_shared": "이메일 제공 안 함",
        "error_title": "요청을 계속할 수 없습니다",
        "client_id": "등록되지 않은 client_id입니다. --client-id 값과 비교해 보세요.",
        "redirect_uri": "등록되지 않은 redirect_uri입니다. --redirect-uri 값과 한 글자도 다르지 않아야 합니다.",
        "consent_over": "이미 처리되었거나 너무 오래된 페이지입니다. 사이트로 돌아가 처음부터 다시 시작해 주세요.",
        "unreadable": "UTF-8 폼 인코딩이 아닌 요청입니다.",
        "method": "이 주소에서 지원하지 않는 메서드입니다.",
        "not_found": "이 주소에는 아무것도 없습니다. 사이트의 로그인 페이지에서 이 제공자의 버튼을 "
        "누르면 방문자처럼 들어올 수 있습니다.",
    },
    "en-google": {
        "provider": "Google",
        "notice": "Stand-in Google, for local demos. No real account is used.",
        "name_hint": "optional",
        "email_hint": "",
    },
    "ko-google": {
        "provider": "Google",
        "notice": "로컬 데모용 가짜 Google입니다. 실제 계정은 사용하지 않습니다.",
        "name_hint": "선택",
        "email_hint": "",
    },
    "en-kakao": {
        "provider": "Kakao",
        "notice": "Stand-in Kakao, for local demos. No real account is used.",
        "name": "Nickname",
        "name_hint": "",
        "email_hint": "leave empty to withhold it",
    },
    "ko-kakao": {
        "provider": "카카오",
        "notice": "로컬 데모용 가짜 카카오입니다. 실제 계정은 사용하지 않습니다.",
        "name": "닉네임",
        "name_hint": "",
        "email_hint": "비워 두면 제공하지 않음",
    },
    "en-naver": {
        "provider": "Naver",
        "notice": "Stand-in Naver, for local demos. No real account is used.",
        "name_hint": "",
        "email_hint": "leave empty to withhold it",
    },
    "ko-naver": {
        "provider": "네이버",
        "notice": "로컬 데모용 가짜 네이버입니다. 실제 계정은 사용하지 않습니다.",
        "name_hint": "",
        "email_hint": "비워 두면 제공하지 않음",
    },
}
