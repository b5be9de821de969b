// Leaves the first passages of a file of questions: node few.mjs FILE PASSAGES
import fs from 'node:fs';

const [file, passages] = process.argv.slice(2);
const dataset = JSON.parse(fs.readFileSync(file, 'utf8'));
let left = Number(passages);
for (const article of dataset.data) left -= (article.paragraphs = article.paragraphs.slice(0, left)).length;
dataset.data = dataset.data.filter(article => article.paragraphs.length);
fs.writeFileSync(file, JSON.stringify(dataset));
