// The datasets as readers meet them: what they are called, their columns, and what can be asked of them.

/** Columns by kind: "text" can be asked for as a whole or by its beginning, "number" and "day" by bounds. The first sort is the default. */
export const DATASETS = {
  vehicles: {
    words: "Vehicles", path: "/api/vehicles", key: "vehicle_id", sorts: { vehicle_id: "Vehicle ↑", "-vehicle_id": "Vehicle ↓" },
    columns: { vehicle_id: ["Vehicle", "text"], name: ["Name", "text"], total_mileage: ["Lifetime distance, km", "number"] },
  },
  vehicle_logs: {
    words: "Vehicle logs", path: "/api/vehicle-logs", key: "log_id", sorts: { "-trip_date": "Newest first", trip_date: "Oldest first", log_id: "Log ↑", "-log_id": "Log ↓" },
    columns: { log_id: ["Log", "text"], vehicle_id: ["Vehicle", "text"], trip_date: ["Day", "day"], mileage: ["Distance, km", "number"], fuel_used: ["Fuel, l", "number"] },
  },
  shipments: {
    words: "Shipments", path: "/api/shipments", key: "shipment_id", sorts: { shipment_id: "Shipment ↑", "-shipment_id": "Shipment ↓", log_id: "Log ↑", "-log_id": "Log ↓" },
    columns: {
      shipment_id: ["Shipment", "text"], origin: ["Origin", "text"], destination: ["Destination", "text"], weight: ["Weight, kg", "number"],
      cost: ["Cost", "number"], delivery_time: ["Delivery time, h", "number"], log_id: ["Log", "text"],
    },
  },
};

export const datasetWords = (dataset) => DATASETS[dataset]?.words ?? dataset ?? "None";

/** The dataset a file belongs to by its path, as the pipeline tells it: the outermost part that is named after one. */
export function guessDataset(path) {
  const names = Object.keys(DATASETS).sort((a, b) => b.length - a.length);
  for (const part of path.toLowerCase().split("/")) {
    const name = part.replaceAll(/[- ]/g, "_");
    const found = names.find((dataset) => name === dataset || (name.startsWith(dataset) && /[^0-9a-z]/.test(name[dataset.length])));
    if (found) return found;
  }
  return null;
}
