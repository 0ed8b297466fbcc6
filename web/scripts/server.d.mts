export interface Server {
  url: string
  dir: string
  output(): string
  printed(pattern: RegExp, from?: number): Promise<RegExpExecArray>
  stop(): Promise<void>
}
export function startServer(env?: Record<string, string>): Promise<Server>
