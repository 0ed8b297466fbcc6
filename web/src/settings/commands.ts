import { apiBase } from '../api/client'
import type { JsonObject } from './patch'

/** Commands that do what the dashboard does, for the terminal. */

/** serverURL is the address of the API, as a program outside of this page needs it. */
export const serverURL = () => apiBase || location.origin

/** quote puts a text between single quotes for a shell. */
export const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`

/** chatCurl is a request to a model, as an app would send it. */
export function chatCurl({ projectId, identity = 'me', model, bearer }: { projectId: string; identity?: string; model: string; bearer?: string }): string {
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] })
  return [
    `curl ${serverURL()}/v1/chat/completions`,
    `-H ${quote(`x-project-key: ${projectId}`)} -H ${quote(`x-identity: ${identity}`)}`,
    ...(bearer ? [`-H "Authorization: Bearer ${bearer}"`] : []),
    `-H 'Content-Type: application/json'`,
    `-d ${quote(body)}`,
  ].join(' \\\n  ')
}

/** patchCurl is a change of the settings by the project's own server. */
export function patchCurl(projectId: string, patch: JsonObject, reason: string): string {
  const query = reason ? `?reason=${encodeURIComponent(reason)}` : ''
  return [
    `curl -X PATCH ${quote(`${serverURL()}/api/projects/${projectId}${query}`)}`,
    `-H "Authorization: Bearer $SECRET_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-d ${quote(JSON.stringify(patch))}`,
  ].join(' \\\n  ')
}

/** patchCommand is the same change at the command line of the server. */
export function patchCommand(projectId: string, patch: JsonObject, reason: string): string {
  return `echo ${quote(JSON.stringify(patch))} |\n  airatelimit project config ${projectId} --merge -${reason ? ` --reason ${quote(reason)}` : ''}`
}
