import OpenAI from "openai";
import { Agent, run, setDefaultOpenAIClient, setTracingDisabled } from "@openai/agents";

const [server, projectKey, user] = process.argv.slice(2);
setTracingDisabled(true); // traces go to OpenAI itself
setDefaultOpenAIClient(new OpenAI({ baseURL: `${server}/v1`, apiKey: projectKey, defaultHeaders: { "x-identity": user } }));
const agent = new Agent({ name: "Echo", instructions: "Be kind.", model: "gpt-4o" });
try {
  const result = await run(agent, "hello there");
  console.log(result.finalOutput);
} catch (error) {
  console.log(error.message);
}
