export {
  type ExpectedEdge,
  expectedServiceEdges,
  expectedWorkloadEdges,
} from "./expected-traffic.ts";
export { readShopFile, type ShopFile, type ShopVersion, shopWorkloads } from "./shop-file.ts";
