/** A proof in the fragment of a link. It never reaches a server's log, because browsers do not send fragments. */
export type Proof = { kind: 'link' | 'setup'; token: string }

/** readProof reads the fragment of a page's address: #t=… or #setup=… */
export function readProof(fragment: string): Proof | null {
  const fields = new URLSearchParams(fragment.replace(/^#/, ''))
  const link = fields.get('t')
  if (link) return { kind: 'link', token: link }
  const setup = fields.get('setup')
  return setup ? { kind: 'setup', token: setup } : null
}

/** pageOf returns a path of this site, or / for anything else: a link must not lead to another one. */
export function pageOf(next: string | undefined): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/'
}
