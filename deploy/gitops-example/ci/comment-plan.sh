#!/usr/bin/env bash
# Plans by the manifests of a change, and says what would be done in one comment of its pull or merge request, which
# later runs rewrite. Needs classiclinkd and credentials that may only look; on GitHub `gh`, on GitLab `curl` and `jq`.
#
#   MANIFESTS        folder of the manifests               [manifests]
#   CONFIG           configuration with the ceilings       [classiclinkd.yaml]
#   HELD_FAILS       true: a plan that is held fails the job
#   GitHub           GITHUB_REPOSITORY, PULL_REQUEST (the number), GH_TOKEN
#   GitLab           CI_API_V4_URL, CI_PROJECT_ID, CI_MERGE_REQUEST_IID, GITLAB_TOKEN (Reporter, scope `api`)
set -euo pipefail
umask 077

marker='<!-- classiclinkd plan -->'
# GitHub takes 65,536 characters.
readonly longest=60000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

plan() {
  classiclinkd plan --config "${CONFIG:-classiclinkd.yaml}" --manifests "${MANIFESTS:-manifests}" \
    --output markdown >"$work/plan" 2>"$work/errors"
}

# What each exit code means is in docs/reference/exit-codes.md of classiclinkd.
headline() {
  case $1 in
    0) echo "Links: nothing to do" ;;
    2) echo "Links: this is what would be done" ;;
    3) echo "Links: held. Nothing is done until it is released; see below how" ;;
    4) echo "Links: they could not be read completely, so there is no plan. Run the job again" ;;
    1) echo "Links: there is no plan" ;;
    *) echo "Links: classiclinkd ended with $1, so there is no plan" ;;
  esac
}

comment() {
  printf '%s\n### %s\n\n' "$marker" "$(headline "$1")"
  # Whole lines only: half a table row is none.
  head -c "$longest" "$work/plan" | if (($(wc -c <"$work/plan") > longest)); then sed '$d'; else cat; fi
  if (($(wc -c <"$work/plan") > longest)); then
    printf '\n_The rest does not fit; the log of the job has all of it._\n'
  fi
  if [ -s "$work/errors" ] && [ "$1" != 0 ] && [ "$1" != 2 ]; then
    # Indented, not fenced: nothing in it can end the block.
    printf '\n'
    head -c 4000 "$work/errors" | tr -d '\r' | sed 's/^/    /'
    printf '\n'
  fi
}

post_to_github() {
  local comments="repos/$GITHUB_REPOSITORY/issues/$PULL_REQUEST/comments" id
  id=$(gh api --paginate "$comments?per_page=100" --jq \
    ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id" | head -n 1)
  if [ -n "$id" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$id" -F "body=@$work/comment"
  else
    gh api --silent --method POST "$comments" -F "body=@$work/comment"
  fi
}

post_to_gitlab() {
  local notes="$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes" id="" page=1 own
  # In a file, because everybody on the machine can read arguments.
  printf 'header = "PRIVATE-TOKEN: %s"\n' "$GITLAB_TOKEN" >"$work/token"
  ask() { curl --silent --show-error --fail --max-time 60 --config "$work/token" "$@"; }
  # Anybody can write the marker, and a maintainer's token could rewrite what is not its own.
  ask "$CI_API_V4_URL/user" >"$work/user"
  own=$(jq -e .id "$work/user")
  while [ -z "$id" ]; do
    ask "$notes?per_page=100&sort=asc&page=$page" >"$work/notes"
    [ "$(jq length "$work/notes")" -gt 0 ] || break
    id=$(jq -r --arg marker "$marker" --argjson own "$own" \
      '[.[] | select(.author.id == $own and (.body | startswith($marker))) | .id] | first // empty' "$work/notes")
    page=$((page + 1))
  done
  if [ -n "$id" ]; then
    ask --request PUT "$notes/$id" --data-urlencode "body@$work/comment" >/dev/null
  else
    ask --request POST "$notes" --data-urlencode "body@$work/comment" >/dev/null
  fi
}

code=0
plan || code=$?
cat "$work/plan"
cat "$work/errors" >&2
comment "$code" >"$work/comment"
if [ -n "${CI_MERGE_REQUEST_IID:-}" ]; then post_to_gitlab; else post_to_github; fi

case $code in
  0 | 2) exit 0 ;;
  3)
    echo "the plan is held; the comment says how it is released" >&2
    [ "${HELD_FAILS:-false}" != true ] || exit 3
    ;;
  *) exit "$code" ;;
esac
