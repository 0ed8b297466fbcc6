import type { components } from './schema'

export type ProblemBody = components['schemas']['Problem']

/** Problem is an error of the API: problem details (RFC 9457) with the id of the request. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly body: Partial<ProblemBody>,
    readonly requestId: string | null,
    readonly retryAfter: number | null,
  ) {
    super(detail)
    this.name = 'Problem'
  }
}

/** readProblem makes a Problem of an answer that is no success, whatever its body is. */
export async function readProblem(response: Response): Promise<Problem> {
  let body: Partial<ProblemBody> = {}
  try {
    body = (await response.clone().json()) as Partial<ProblemBody>
  } catch {
    // A proxy in between answers in HTML.
  }
  const detail = body.detail ?? `The server answered ${response.status}. Try again.`
  const seconds = Number(response.headers.get('Retry-After'))
  return new Problem(response.status, body.code ?? '', detail, body, response.headers.get('X-Request-Id'), seconds > 0 ? seconds : null)
}

/** messageOf says what went wrong, for people. */
export function messageOf(error: unknown): string {
  if (error instanceof Problem) return error.message
  if (error instanceof TypeError) return 'The server cannot be reached. Check the connection, then try again.'
  return error instanceof Error ? error.message : String(error)
}

/** isAway reports whether an error passes by itself: the server starts, stops, or has lost its database. */
export function isAway(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Problem && [502, 503, 504].includes(error.status))
}

/** isMissing reports whether an error says that something does not exist, or not for this user. */
export function isMissing(error: unknown): boolean {
  return error instanceof Problem && error.status === 404
}
