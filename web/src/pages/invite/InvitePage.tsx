import { Button, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState, type FormEvent } from 'react'
import { http, queries } from '../../api/client'
import { messageOf, Problem } from '../../api/problem'
import { Centered } from '../../session/Centered'
import { readProof } from '../../session/proof'
import { session } from '../../session/session'

/**
 * InvitePage accepts an invitation. The mail is the proof of its address, so that one button signs in and accepts; the
 * address is typed because programs that read mail open links.
 */
export function InvitePage() {
  const [proof] = useState(() => readProof(location.hash))
  const [email, setEmail] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const navigate = useNavigate()
  if (proof?.kind !== 'link') {
    return (
      <Centered title="This link is not whole">
        <Text size="sm">Open the link of the invitation's mail once more, or copy all of it.</Text>
      </Centered>
    )
  }
  const accept = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const { data } = await http.POST('/api/auth/invitations/accept', { body: { token: proof.token, email } })
      queries.clear()
      session.announce()
      void navigate({ to: '/p/$projectId/overview', params: { projectId: data!.project.projectId }, replace: true })
    } catch (problem) {
      setError(problem)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Centered title="You are invited">
      <form onSubmit={accept}>
        <Stack>
          <Text size="sm">Type the address that the invitation went to. You will sign in with it from now on.</Text>
          <TextInput label="Mail address" type="email" name="email" autoComplete="username" required autoFocus value={email} onChange={(e) => setEmail(e.currentTarget.value)} />
          {error ? (
            <Text size="sm" className="bad" role="alert">
              {messageOf(error)}
              {error instanceof Problem && error.status === 401 ? ' Whoever has invited you can send the invitation again.' : ''}
            </Text>
          ) : null}
          <Button type="submit" loading={busy}>
            Accept the invitation
          </Button>
          <Text size="sm" c="dimmed">
            To decline, close this page.
          </Text>
        </Stack>
      </form>
    </Centered>
  )
}
