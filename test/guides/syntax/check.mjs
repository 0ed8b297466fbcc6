// Reads the programs in this folder with a parser of their language, and names each place that it cannot read.
import { readdirSync, readFileSync } from "node:fs";
import { extname } from "node:path";
import { Language, Parser } from "web-tree-sitter";

await Parser.init();

async function mistakes(text, language) {
  const parser = new Parser();
  parser.setLanguage(await Language.load(`node_modules/tree-sitter-wasms/out/tree-sitter-${language}.wasm`));
  const found = [];
  const visit = (node) => {
    if (node.isError || node.isMissing) found.push(`line ${node.startPosition.row + 1}: ${node.text.slice(0, 60)}`);
    else if (node.hasError) node.children.forEach(visit);
  };
  visit(parser.parse(text).rootNode);
  return found;
}

for (const language of ["swift", "kotlin", "dart", "tsx"]) {
  if ((await mistakes("x = )(", language)).length === 0) throw new Error(`the parser of ${language} finds no mistakes`);
}
for (const file of readdirSync(".")) {
  const language = extname(file).slice(1);
  if (!["swift", "kotlin", "dart", "tsx"].includes(language)) continue;
  for (const mistake of await mistakes(readFileSync(file, "utf8"), language)) {
    console.error(`${file}: ${mistake}`);
    process.exitCode = 1;
  }
}
