import OpenAI from "openai";

const [server, projectKey, user] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${server}/v1`, apiKey: projectKey, defaultHeaders: { "x-identity": user } });
try {
  const answer = await client.responses.create({ model: "gpt-4o", input: "hello there" });
  console.log(answer.output_text);
} catch (error) {
  console.log(error.message);
}
