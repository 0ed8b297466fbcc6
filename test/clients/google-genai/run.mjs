import { GoogleGenAI } from "@google/genai";

const [server, projectKey, user] = process.argv.slice(2);
const client = new GoogleGenAI({
  apiKey: projectKey,
  apiVersion: "v1beta",
  httpOptions: { baseUrl: server, headers: { "x-identity": user } },
});
try {
  const answer = await client.models.generateContent({ model: "gemini-2.5-flash", contents: "hello there" });
  console.log(answer.text);
} catch (error) {
  console.log(error.message);
}
