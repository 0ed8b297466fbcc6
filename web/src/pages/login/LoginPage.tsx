import { Button, Loader, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { http, queries } from '../../api/client'
import { messageOf, Problem } from '../../api/problem'
import { Centered } from '../../session/Centered'
import { pageOf, readProof } from '../../session/proof'
import { session } from '../../session/session'
import { SignInForm } from '../../session/SignInForm'

export function LoginPage() {
  const { next } = useSearch({ from: '/login' })
  const [proof, setProof] = useState(() => readProof(location.hash))
  const navigate = useNavigate()
  const enter = (to: string) => {
    queries.clear()
    session.announce()
    void navigate({ to: pageOf(to), replace: true })
  }
  if (proof?.kind === 'setup') return <SetUp token={proof.token} onDone={() => enter('/projects')} onSignIn={() => setProof(null)} />
  if (proof?.kind === 'link') return <ByLink token={proof.token} onDone={enter} onSignIn={() => setProof(null)} />
  return (
    <Centered title="Sign in">
      <SignInForm next={next} onSignedIn={(answer) => enter(next ?? answer.next)} />
    </Centered>
  )
}

/** SetUp makes the first account. The link that the server has printed is the proof, so no mail is needed. */
function SetUp({ token, onDone, onSignIn }: { token: string; onDone: () => void; onSignIn: () => void }) {
  const [email, setEmail] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const setUp = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      await http.POST('/api/auth/setup', { body: { token, email } })
      onDone()
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  const over = error instanceof Problem && (error.code === 'already_set_up' || error.status === 401)
  return (
    <Centered title="Welcome">
      <form onSubmit={setUp}>
        <Stack>
          <Text size="sm">This link makes the first account of this server. You will sign in with this address later.</Text>
          <TextInput label="Your mail address" type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} error={error && !over ? messageOf(error) : undefined} placeholder="you@example.com" />
          {over && (
            <Text size="sm" className="bad" role="alert">
              {messageOf(error)}
            </Text>
          )}
          <Button type="submit" loading={busy}>
            Continue
          </Button>
          {over && (
            <Button variant="default" onClick={onSignIn}>
              Sign in
            </Button>
          )}
        </Stack>
      </form>
    </Centered>
  )
}

/**
 * ByLink signs in with a mail's link. In the browser that asked, it does so by itself. In any other one, the server wants the
 * address that the mail went to, so that a program that reads mail cannot use the link up.
 */
function ByLink({ token, onDone, onSignIn }: { token: string; onDone: (next: string) => void; onSignIn: () => void }) {
  const [email, setEmail] = useState('')
  const [state, setState] = useState<'trying' | 'address' | 'failed'>('trying')
  const [error, setError] = useState<string | null>(null)
  const tried = useRef(false)
  const verify = async (address?: string) => {
    setError(null)
    try {
      const { data } = await http.POST('/api/auth/magic-link/verify', { body: { token, email: address } })
      onDone(data!.next)
    } catch (problem) {
      if (problem instanceof Problem && problem.code === 'address_needed' && !address) {
        setState('address')
        return
      }
      setError(messageOf(problem))
      setState(problem instanceof Problem && ['link_used', 'link_expired'].includes(problem.code) ? 'failed' : 'address')
    }
  }
  useEffect(() => {
    if (tried.current) return // a link works once
    tried.current = true
    void verify()
  })
  if (state === 'trying') {
    return (
      <Centered title="Signing in">
        <Loader size="sm" aria-label="Signing in" />
      </Centered>
    )
  }
  if (state === 'failed') {
    return (
      <Centered title="This link does not work">
        <Stack>
          <Text size="sm" role="alert">
            {error}
          </Text>
          <Button onClick={onSignIn}>Ask for a new one</Button>
        </Stack>
      </Centered>
    )
  }
  return (
    <Centered title="Almost there">
      <form
        onSubmit={(e) => {
          e.preventDefault()
          void verify(email)
        }}
      >
        <Stack>
          <Text size="sm">The link was asked for in another browser. Type the address that the mail went to.</Text>
          <TextInput label="Mail address" type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} error={error} />
          <Button type="submit">Sign in</Button>
        </Stack>
      </form>
    </Centered>
  )
}
