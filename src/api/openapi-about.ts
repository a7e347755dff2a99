/** What the document says beside its operations; the stream addresses in it are verified by a test. */
export const about = `The service behind Veza: accounts, music, and what members make of it.
The same operations, with the same checks and the same error codes, are served to typed clients by tRPC under \`/trpc\`.

## Answers

A success is \`{ success: true, message, data, meta }\`, a page adds \`pagination\` beside \`data\`. Media are sent as themselves.
Field names are \`snake_case\`; ids are integers, times RFC 3339 in UTC with milliseconds.
Every answer carries \`X-Request-Id\`: yours, if you sent 1 to 128 of \`A-Z a-z 0-9 _ . : -\`, otherwise a new one. Quote it when you ask us about a call.

## Errors

A refusal is \`{ success: false, error: { code, message, details }, meta }\`. Branch on \`code\`, which is stable; \`message\` is for people.
\`details\` lists all problems at once, each with the dotted path of its \`field\`. Fields, query parameters and form fields that an operation does not know are refused, never ignored.
Each operation lists its codes by status. Beside them HTTP itself may be refused: 404 \`NOT_FOUND\` for an unknown path, 405 \`METHOD_NOT_ALLOWED\` with \`Allow\`, 408 \`REQUEST_TIMEOUT\`, 414 \`URI_TOO_LONG\`, 431 \`HEADERS_TOO_LARGE\`.
What you may not know to exist is answered exactly as what does not exist.

## Signing in

Send \`Authorization: Bearer <access_token>\`. A token that is bad or expired is refused with 401 everywhere, also where none is needed: take a new one from \`POST /auth/refresh\` on \`TOKEN_EXPIRED\`.

## Pages

\`page\` counts from 1, \`limit\` is 1 to 100 and 20 by default. Feeds also take \`cursor\`: an empty one starts a walk, each answer's \`next_cursor\` continues it, and nothing that existed throughout is skipped or repeated.

## Changes

\`PUT\` takes any subset of the fields: what is absent stays, null clears. Send the \`ETag\` you read as \`If-Match\`, and the change is refused with 412 if somebody was faster.
Send an \`Idempotency-Key\` with a \`POST\` when you are signed in, and you may repeat it safely for 24 hours: the stored answer comes back with \`Idempotent-Replayed: true\`. The key with another request is refused with 422, while the first one is running with 409.

## Limits

Calls are counted per user, or per address without a token; some operations have a tighter limit of their own. \`RateLimit-Limit\`, \`RateLimit-Remaining\` and \`RateLimit-Reset\` tell where you stand.
Past it the answer is 429 \`RATE_LIMITED\` with \`Retry-After\` in seconds, and \`details\` names the bucket.

## Stream addresses

\`GET /tracks/{id}/stream-url\` answers an address that needs no token and lives ten minutes, fit for an \`<audio>\` element: \`/stream/{id}?expires={expires}&user={user}&sig={sig}\`.
\`expires\` is in Unix seconds, \`user\` is the id of the user it was made for and 0 for strangers; \`sig\` is the lower-case hexadecimal HMAC-SHA256, under the stream secret, of the four lines \`v1\`, \`{id}\`, \`{user}\`, \`{expires}\`, joined by single line feeds without one at the end.
A wrong or expired address is refused with 403 \`STREAM_URL_INVALID\`. To check an implementation, under the secret \`an example secret of the stream server, 32 bytes or more\`:

- \`/stream/42?expires=1767225600&user=0&sig=2e4aa5fe94c0dcda597e6d36bac0b6230c22aa560366a72ad1bc7527d92a2df5\`
- \`/stream/1337?expires=1767226200&user=7&sig=78494e7c2cde455d07f5f5bbaa389b2a93d2c0510d6dda8081dc257a293518ab\`
`;

/** One tag a domain. */
export const tags: Readonly<Record<string, string>> = {
  auth: 'Registering, signing in and out, and the sessions that come of it.',
  users: 'Accounts as they show themselves to others and to their owner.',
  tracks: 'Uploading, finding, hearing and keeping music.',
  rooms: 'Places to talk in, and who belongs to them.',
  messages: 'What is said in rooms and between two people.',
};
